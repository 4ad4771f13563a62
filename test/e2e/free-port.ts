import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what Linux gives to those who dial (ip_local_port_range, 32768 to 60999): nobody comes to have one by chance. */
const PORTS = { from: 10_000, count: 22_000 }
const TRIES = 100

/** A port that nobody listens on now, for whoever has to be told of one before. */
export async function freePort(): Promise<number> {
  for (let left = TRIES; left > 0; left--) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port in ${TRIES} tries`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.listen(port, '127.0.0.1')
  if (!(await listening)) return false
  server.close()
  await once(server, 'close')
  return true
}
