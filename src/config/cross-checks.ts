import { providerOf } from './provider.ts'
import type { Config } from './schema.ts'
import { formatAddress } from './values/net.ts'
import { PIN_ALLOWED } from './values/pin-source.ts'

/** What only two keys together can be wrong about. `allowed` follows "expected". */
export interface CrossProblem {
  readonly path: readonly (string | number)[]
  readonly allowed: string
  readonly hint?: string
}

/** Longest path of a Unix socket on Linux (sockaddr_un has 108 bytes, with the zero at the end). */
export const SOCKET_PATH_MAX = 107
/** The vault helper's socket lies in the state folder: `/vault-4194304.sock`, with the highest process number of Linux. */
export const STATE_PATH_MAX = SOCKET_PATH_MAX - 19

export function crossChecks(config: Config): CrossProblem[] {
  return [
    ...secretChecks(config),
    ...accessChecks(config),
    ...listenChecks(config),
    ...telegramChecks(config),
    ...pinChecks(config),
    ...hsmChecks(config),
  ]
}

function secretChecks(config: Config): CrossProblem[] {
  const problems: CrossProblem[] = []
  if (config.secret.length === 0)
    problems.push({
      path: ['secret'],
      allowed: 'at least one [[secret]] table',
      hint: 'make one with: palisade secret new',
    })
  const names = new Map<string, number>()
  for (const [i, secret] of config.secret.entries()) {
    if (secret.modes.includes('fake-tls') && secret.domain === undefined)
      problems.push({
        path: ['secret', i, 'domain'],
        allowed: 'a host name, because modes has "fake-tls"',
        hint: 'name a site that is not yours, or take "fake-tls" out of modes',
      })
    const before = names.get(secret.name)
    if (before !== undefined)
      problems.push({ path: ['secret', i, 'name'], allowed: `a name of its own; secret.${before} has this one` })
    names.set(secret.name, before ?? i)
    if (secret.ad_tag !== undefined && config.telegram.socks5 !== undefined)
      problems.push({
        path: ['secret', i, 'ad_tag'],
        allowed: 'no ad tag, because telegram.socks5 is set',
        hint: 'only middle proxies carry it, and they must see our own address',
      })
    if (secret.ad_tag !== undefined && config.telegram.mode === 'direct')
      problems.push({
        path: ['secret', i, 'ad_tag'],
        allowed: 'no ad tag, because telegram.mode is "direct"',
        hint: 'only middle proxies carry it: set telegram.mode to "auto"',
      })
  }
  return problems
}

function hsmChecks({ secret, hsm, state }: Config): CrossProblem[] {
  const problems: CrossProblem[] = []
  if (hsm.module === '' && state.sealed?.from === 'hsm')
    problems.push({ path: ['state', 'sealed'], allowed: 'a key that is not in a token, because hsm.module is not set' })
  if (hsm.module === '' && hsm.random)
    problems.push({ path: ['hsm', 'random'], allowed: 'false, because hsm.module is not set' })
  if (providerOf(hsm) === 'sealed' && hsm.random)
    problems.push({
      path: ['hsm', 'random'],
      allowed: 'false, because sealed secrets need the token at the start alone',
    })
  if (hsm.provider === 'sealed' && hsm.strict)
    problems.push({
      path: ['hsm', 'strict'],
      allowed: `false, because hsm.provider is "sealed", which has secrets in the proxy's memory`,
    })
  const owners = new Map<string, number>()
  for (const [i, { key }] of secret.entries()) {
    if (key.from !== 'hsm') continue
    const path = ['secret', i, 'key']
    const owner = owners.get(key.label)
    if (owner !== undefined) problems.push({ path, allowed: `a key of its own; secret.${owner} has this one` })
    owners.set(key.label, owner ?? i)
    if (hsm.module === '')
      problems.push({ path, allowed: 'a key that is not in a token, because hsm.module is not set' })
  }
  if (hsm.module === '') return problems
  if (hsm.token === '')
    problems.push({ path: ['hsm', 'token'], allowed: 'the label of a token, because hsm.module is set' })
  if (hsm.pin === undefined)
    problems.push({ path: ['hsm', 'pin'], allowed: `${PIN_ALLOWED}, because hsm.module is set` })
  if (providerOf(hsm) === 'helper' && Buffer.byteLength(state.path) > STATE_PATH_MAX)
    problems.push({
      path: ['state', 'path'],
      allowed: `a path of at most ${STATE_PATH_MAX} bytes, because the socket of the vault helper lies there`,
    })
  return problems
}

function accessChecks({ access }: Config): CrossProblem[] {
  const seen = new Map<string, number>()
  return access.lists.flatMap(({ source }, i): CrossProblem[] => {
    const before = seen.get(source)
    seen.set(source, before ?? i)
    if (before === undefined) return []
    return [
      { path: ['access', 'lists', i, 'source'], allowed: `each source once; access.lists.${before} has this one` },
    ]
  })
}

function listenChecks(config: Config): CrossProblem[] {
  const problems: CrossProblem[] = []
  const { listen, metrics, admin } = config
  const seen = new Set<string>()
  for (const [i, address] of listen.address.entries()) {
    const text = formatAddress(address)
    if (address.port !== 0 && seen.has(text))
      problems.push({ path: ['listen', 'address', i], allowed: 'each address once' })
    seen.add(text)
  }
  if (metrics.listen !== undefined && metrics.listen.port !== 0 && seen.has(formatAddress(metrics.listen)))
    problems.push({ path: ['metrics', 'listen'], allowed: 'an address that is not in listen.address' })
  // Nobody could send the header: all would be taken for clients, and "required" would require nothing.
  if (listen.proxy_protocol !== 'off' && listen.proxy_protocol_from.length === 0)
    problems.push({
      path: ['listen', 'proxy_protocol_from'],
      allowed: `the ranges of your load balancers, because proxy_protocol is "${listen.proxy_protocol}"`,
    })
  if (Buffer.byteLength(admin.socket) > SOCKET_PATH_MAX)
    problems.push({ path: ['admin', 'socket'], allowed: `a path of at most ${SOCKET_PATH_MAX} bytes, folder included` })
  return problems
}

function telegramChecks({ telegram }: Config): CrossProblem[] {
  if (telegram.mode !== 'middle' || telegram.socks5 === undefined) return []
  const hint = 'middle proxies must see our own address, and whoever sets a proxy wants none to see it'
  return [{ path: ['telegram', 'mode'], allowed: '"auto" or "direct", because telegram.socks5 is set', hint }]
}

function pinChecks({ pinning }: Config): CrossProblem[] {
  const problems: CrossProblem[] = []
  for (const [i, { spki_sha256, certificate_sha256, from, until }] of pinning.pins.entries()) {
    if (spki_sha256.length + certificate_sha256.length === 0)
      problems.push({
        path: ['pinning', 'pins', i],
        allowed: 'a digest in spki_sha256 or certificate_sha256',
        hint: 'print them with: palisade pin HOST',
      })
    if (from !== undefined && until !== undefined && from >= until)
      problems.push({ path: ['pinning', 'pins', i, 'until'], allowed: 'a time after from' })
  }
  return problems
}
