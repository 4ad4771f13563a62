import type { Certificate } from '../../trust/chain.ts'
import { dialTls, type TlsTarget } from './dial.ts'

/** The chain that a host shows and that passes the usual validation, leaf first; nothing is sent to it but the handshake. */
export function servedChain(
  target: TlsTarget,
  timeoutMs: number,
): Promise<readonly Certificate[] | { readonly why: string }> {
  return new Promise((resolve) => {
    let chain: readonly Certificate[] = []
    const answer = (result: readonly Certificate[] | { readonly why: string }) => {
      clearTimeout(limit)
      attempt.cancel()
      resolve(result)
    }
    const keep = (seen: readonly Certificate[]) => void (chain = seen)
    const attempt = dialTls(target, keep, {
      onOpen: (socket) => {
        socket.on('error', () => {})
        answer(chain)
      },
      onFail: ({ kind, message }) => answer({ why: kind === 'network' ? message : `is not trusted: ${message}` }),
    })
    const limit = setTimeout(() => answer({ why: `took longer than ${timeoutMs} ms` }), timeoutMs)
  })
}
