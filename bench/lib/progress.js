// Benchmark. One line that is rewritten on a terminal, else a line per round.

export class Progress {
  #isTerminal = process.stdout.isTTY;
  #label;
  #rounds;
  #started = performance.now();

  constructor(label, rounds) {
    this.#label = label;
    this.#rounds = rounds;
  }

  turn(round, name) {
    if (this.#isTerminal) process.stdout.write(`\r\x1b[K${this.#line(round)}: ${name}`);
  }

  round(round) {
    if (!this.#isTerminal) console.log(this.#line(round));
    else if (round === this.#rounds - 1) process.stdout.write('\r\x1b[K');
  }

  note(message) {
    console.error(`${this.#isTerminal ? '\r\x1b[K' : ''}${message}`);
  }

  #line(round) {
    const seconds = Math.round((performance.now() - this.#started) / 1000);
    return `${this.#label}, round ${round + 1} of ${this.#rounds}, ${seconds} s`;
  }
}
