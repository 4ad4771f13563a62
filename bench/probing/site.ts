/** A web site over TLS in a process of its own: `node bench/probing/site.ts KEY CERTIFICATE` prints its port. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

const [key, cert] = process.argv.slice(2).map((path) => readFileSync(path))
const server = createServer(
  { key, cert },
  (_request, response) => void response.end('<!doctype html><p>Nothing here.\n'),
)
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
