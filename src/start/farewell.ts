/** Longest wait for whoever started us to read our last words. */
const FAREWELL_MS = 1000

/** Lets the other end of the channel have what we wrote. */
export function farewell(channel: { end(done: () => void): unknown; readonly destroyed: boolean }): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, FAREWELL_MS)
    if (channel.destroyed) done()
    else channel.end(done)
  })
}
