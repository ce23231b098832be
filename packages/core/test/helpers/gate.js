// A gate without a socket: a queue that a test fills.

export class FakeGate {
  isOpen = false;
  queue = 0;

  open() {
    this.isOpen = true;
  }

  close() {
    this.isOpen = false;
  }

  waiting() {
    return this.queue;
  }

  take() {
    if (this.queue === 0) return undefined;
    this.queue -= 1;
    return { entrance: this, socket: {} };
  }
}
