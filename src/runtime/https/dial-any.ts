import { dialTls, type Judge, type TlsDial, type TlsTarget } from './dial.ts'

/**
 * As `dialTls`, to one address after the other while none can be reached. Each but the last has `shareMs`; the last ends with
 * the caller's patience.
 */
export function dialAny(
  target: TlsTarget,
  [ip, ...others]: readonly string[],
  shareMs: number,
  judge: Judge,
  dial: TlsDial,
): { cancel(): void } {
  if (others.length === 0) return dialTls({ ...target, ip }, judge, dial)
  let current = dialTls({ ...target, ip }, judge, {
    onOpen(socket) {
      clearTimeout(share)
      dial.onOpen(socket)
    },
    onFail(failure) {
      clearTimeout(share)
      if (failure.kind === 'network') goOn()
      else dial.onFail(failure)
    },
  })
  const goOn = () => {
    current.cancel()
    current = dialAny(target, others, shareMs, judge, dial)
  }
  const share = setTimeout(goOn, shareMs)
  return {
    cancel() {
      clearTimeout(share)
      current.cancel()
    },
  }
}
