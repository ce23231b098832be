// Worker. How many connections this worker may still accept in its life. Pure, except for the random number.

/** Counts down from `accepts`, less a random part of up to half; 0 accepts means no limit. */
export class AcceptBudget {
  #left: number;

  constructor(accepts: number, random: () => number = Math.random) {
    this.#left =
      accepts === 0 ? Number.POSITIVE_INFINITY : accepts - Math.floor(random() * (Math.floor(accepts / 2) + 1));
  }

  get left(): number {
    return this.#left;
  }

  /** One connection was accepted. */
  spend(): void {
    this.#left -= 1;
  }
}
