import type { Breaker } from '../compiled.ts';
import type { SharedPlace } from './numbers.ts';

/**
 * A field that is counted up and down with `++` and `--` on several threads: reading remembers what was seen, and writing adds the difference to what stands
 * there by then, so that no step of another thread is lost.
 */
class Counted {
  readonly #place: SharedPlace;
  readonly #index: number;
  #seen = 0;

  constructor(place: SharedPlace, index: number) {
    this.#place = place;
    this.#index = index;
  }

  get value(): number {
    return (this.#seen = this.#place.get(this.#index));
  }

  set value(next: number) {
    const by = next - this.#seen;
    this.#seen = next;
    if (by !== 0) this.#place.add(this.#index, by);
  }
}

/** What is in use of a cluster by all threads. */
export class SharedUsage {
  recent: Breaker['usage']['recent'] = undefined;
  readonly #connections: Counted;
  readonly #pending: Counted;
  readonly #requests: Counted;
  readonly #retries: Counted;

  constructor(place: SharedPlace) {
    this.#connections = new Counted(place, 0);
    this.#pending = new Counted(place, 1);
    this.#requests = new Counted(place, 2);
    this.#retries = new Counted(place, 3);
  }

  get connections(): number {
    return this.#connections.value;
  }
  set connections(next: number) {
    this.#connections.value = next;
  }
  get pending(): number {
    return this.#pending.value;
  }
  set pending(next: number) {
    this.#pending.value = next;
  }
  get requests(): number {
    return this.#requests.value;
  }
  set requests(next: number) {
    this.#requests.value = next;
  }
  get retries(): number {
    return this.#retries.value;
  }
  set retries(next: number) {
    this.#retries.value = next;
  }
}

/** Requests of a host in one interval, at all threads. */
export class SharedWindow {
  readonly #total: Counted;
  readonly #good: Counted;

  /** `index`: of the first of two numbers. */
  constructor(place: SharedPlace, index: number) {
    this.#total = new Counted(place, index);
    this.#good = new Counted(place, index + 1);
  }

  get total(): number {
    return this.#total.value;
  }
  set total(next: number) {
    this.#total.value = next;
  }
  get good(): number {
    return this.#good.value;
  }
  set good(next: number) {
    this.#good.value = next;
  }
}

/** Errors in a row of a host, at all threads; a number set is that number (a success ends the row). */
export class SharedErrors {
  readonly #place: SharedPlace;

  constructor(place: SharedPlace) {
    this.#place = place;
  }

  get errors(): number {
    return this.#place.get(0);
  }
  set errors(next: number) {
    this.#put(0, next);
  }
  get gatewayErrors(): number {
    return this.#place.get(1);
  }
  set gatewayErrors(next: number) {
    this.#put(1, next);
  }
  get localErrors(): number {
    return this.#place.get(2);
  }
  set localErrors(next: number) {
    this.#put(2, next);
  }

  /** Nearly all that is told is a success, and says what stands there already. */
  #put(index: number, next: number): void {
    if (this.#place.get(index) !== next) this.#place.set(index, next);
  }
}
