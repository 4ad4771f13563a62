import { formatAddress } from '../../config/values/net.ts'
import type { Address } from '../../core/ports.ts'
import { addressesOf, isIpv6, ordered } from '../../core/telegram/dcs.ts'
import { LiveConfig } from '../../config/live.ts'
import { connectWithin } from '../net-probe.ts'
import { PROBE_MS, type CheckInput, type Finding } from './finding.ts'

const DCS = [1, 2, 3, 4, 5] as const

/** Whether the DCs answer a TCP connection. All out of reach is a failure, one alone a warning. */
export async function checkDcs({ loaded, network }: CheckInput): Promise<readonly Finding[]> {
  const { telegram } = new LiveConfig(loaded, () => loaded).prepared.settings
  if (telegram.socks5 !== undefined) {
    const { server } = telegram.socks5
    const why = await connectWithin(network, server, PROBE_MS)
    const message = `the SOCKS5 server ${formatAddress(server)} ${why === undefined ? 'answers' : `does not answer: ${why}`}`
    return [{ level: why === undefined ? 'ok' : 'fail', check: 'dcs', message }]
  }
  const timeoutMs = Math.min(PROBE_MS, telegram.connectTimeoutMs)
  const results = await Promise.all(
    DCS.map(async (dc) => {
      const addresses = ordered(addressesOf(dc, telegram) ?? [], telegram.prefer === 'ipv6')
      const tried = firstOfEachFamily(addresses)
      const whys = await Promise.all(tried.map((address) => connectWithin(network, address, timeoutMs)))
      return { dc, tried, whys }
    }),
  )
  const isAnyReached = results.some(({ whys }) => whys.includes(undefined))
  return results.map(({ dc, tried, whys }): Finding => {
    const reached = tried[whys.indexOf(undefined)]
    if (reached !== undefined)
      return { level: 'ok', check: 'dcs', message: `DC ${dc} answers on ${formatAddress(reached)}` }
    const tries = tried.map((address, i) => `${formatAddress(address)} ${whys[i]}`).join(', ')
    return { level: isAnyReached ? 'warn' : 'fail', check: 'dcs', message: `DC ${dc} is out of reach: ${tries}` }
  })
}

function firstOfEachFamily(addresses: readonly Address[]): Address[] {
  const [first] = addresses
  if (first === undefined) return []
  const other = addresses.find((address) => isIpv6(address) !== isIpv6(first))
  return other === undefined ? [first] : [first, other]
}
