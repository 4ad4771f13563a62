import type { Server } from 'node:net'
import { errorCode } from './network.ts'

/** Nobody but the owner may connect. */
const UMASK = 0o177

/** Listens on a Unix socket of mode 0600, where there is no file yet. Settles with the code of an error, such as EACCES. */
export function listenPrivately(server: Server, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(errorCode(error)))
    // The file is made within this call; until a chmod it would be open to whom the umask lets in.
    const before = process.umask(UMASK)
    try {
      server.listen(path, () => resolve(undefined))
    } catch (error) {
      resolve(errorCode(error))
    } finally {
      process.umask(before)
    }
  })
}
