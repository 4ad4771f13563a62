import { createServer, type Server } from 'node:http'
import type { Address } from '../core/ports.ts'
import { errorCode, listenError, type ListenError } from './network.ts'

export interface MetricsSource {
  readonly contentType: string
  text(): Promise<string>
}

export interface MetricsServer {
  /** As bound. */
  readonly address: Address
  close(): void
}

/** A scraper sends a few hundred bytes at once; everything else has little time and room. */
const HEADER_BYTES_MAX = 8192
const REQUEST_MS_MAX = 5000
const CHECK_EVERY_MS = 1000
const CONNECTIONS_MAX = 32

/** Serves GET /metrics; every other path is 404. A listen error comes back as a value. */
export function serveMetrics(
  address: Address,
  source: MetricsSource,
): Promise<MetricsServer | { readonly error: ListenError }> {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_MS_MAX, connectionsCheckingInterval: CHECK_EVERY_MS },
    (request, response) => {
      request.resume()
      const path = request.url?.split('?', 1)[0]
      if (path !== '/metrics') return void response.writeHead(404).end()
      if (request.method !== 'GET') return void response.writeHead(405, { allow: 'GET' }).end()
      source.text().then(
        (text) => response.writeHead(200, { 'content-type': source.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    },
  )
  server.headersTimeout = REQUEST_MS_MAX
  server.timeout = 2 * REQUEST_MS_MAX
  server.keepAliveTimeout = 2 * REQUEST_MS_MAX
  server.maxConnections = CONNECTIONS_MAX
  return listening(server, address)
}

function listening(server: Server, address: Address): Promise<MetricsServer | { readonly error: ListenError }> {
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve({ error: listenError({ host: address.ip, port: address.port, backlog: 0 }, errorCode(error)) }),
    )
    server.listen({ host: address.ip, port: address.port, ipv6Only: true }, () => {
      const bound = server.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
      resolve({
        address: { ip: address.ip, port },
        close: () => {
          server.close()
          server.closeAllConnections()
        },
      })
    })
  })
}
