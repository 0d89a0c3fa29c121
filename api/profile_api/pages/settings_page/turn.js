// Whose answer it is: work belongs to the turn it began in, and is dropped when that has passed.

export class Turn {
  #current = new AbortController();

  // The signal of a new turn; the one before is over.
  begin() {
    this.end();
    this.#current = new AbortController();
    return this.#current.signal;
  }

  end() {
    this.#current.abort();
  }
}

// What `work` gives, which gets a signal that ends with `turn` or after so many seconds.
export async function within(seconds, turn, work) {
  const limit = new AbortController();
  const late = () => limit.abort(new DOMException("it took too long", "TimeoutError"));
  let timer = setTimeout(late, seconds * 1000);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(late, seconds * 1000);
  };
  try {
    return await work(AbortSignal.any([turn, limit.signal]), alive);
  } finally {
    clearTimeout(timer);
  }
}

// For work that takes no signal: what comes too late is given to `dispose`.
export function orAborted(promise, signal, dispose) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    promise.then((value) => (signal.aborted ? dispose(value) : resolve(value)), reject);
  });
}
