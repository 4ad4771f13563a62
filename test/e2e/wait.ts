/** Limits are there to end what hangs: on a busy machine what works takes several times as long. */
const PATIENCE = 3

/** Waits with a bound, so that a broken program fails a test with a name instead of hanging the run. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${PATIENCE * limitMs} ms`)), PATIENCE * limitMs)
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks again and again, with a bound. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  let isOver = false
  const looking = async () => {
    while (!isOver && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  try {
    await within(20_000, what, looking())
  } finally {
    isOver = true
  }
}

/** Collects values and lets one wait for a value of a kind, whether it has come already or not. */
export class Inbox<T> {
  readonly all: T[] = []
  readonly #waiting = new Set<() => void>()

  add(value: T): void {
    this.all.push(value)
    for (const look of [...this.#waiting]) look()
  }

  /** The first value, from index `from` on, that fits. */
  async next(limitMs: number, what: string, fits: (value: T) => boolean, from = 0): Promise<T> {
    let look = () => {}
    const found = new Promise<T>((resolve) => {
      look = () => {
        const value = this.all.slice(from).find(fits)
        if (value !== undefined) resolve(value)
      }
    })
    this.#waiting.add(look)
    look()
    try {
      return await within(limitMs, what, found)
    } finally {
      this.#waiting.delete(look)
    }
  }
}
