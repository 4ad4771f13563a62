import type { MakeChecker } from './index.ts'

/** Counting looks at every entry, so not at every event. */
const EVERY = 64

/** I5: what is remembered of strangers takes the memory that was configured, however many come. */
export const checkBounds: MakeChecker = (scene, fail) => {
  let events = 0
  let bytes: number | undefined
  const look = () => {
    const { tableEntries } = scene.options.settings.guard
    // Of all: they have one table.
    const sources = scene.processes[0]?.proxy.sources ?? 0
    if (sources > tableEntries) fail(`${sources} sources are remembered, of ${tableEntries}`)
    const { bytesInUse } = scene.memory
    bytes ??= bytesInUse
    if (bytesInUse !== bytes) fail(`shared tables take ${bytesInUse} bytes, and took ${bytes}`)
  }
  return {
    onEvent(event) {
      if (event.kind === 'accepted' && events++ % EVERY === 0) look()
    },
    onEnd: look,
  }
}
