import type { Target } from '../target.ts'

type Load = () => Promise<{ readonly target: Target }>

/** Every parser of bytes from outside, by name; each is loaded alone, so that only its own code is counted. */
export const TARGETS: Readonly<Record<string, Load>> = {
  'client-hello': () => import('./client-hello.ts'),
  'server-flight': () => import('./server-flight.ts'),
  'tls-records': () => import('./tls-records.ts'),
  framings: () => import('./framings.ts'),
  obfuscated2: () => import('./obfuscated2.ts'),
  'rpc-link': () => import('./rpc-link.ts'),
  'rpc-packets': () => import('./rpc-packets.ts'),
  'proxy-config': () => import('./proxy-config.ts'),
  'proxy-secret': () => import('./proxy-secret.ts'),
  'proxy-header': () => import('./proxy-header.ts'),
  secrets: () => import('./secrets.ts'),
  addresses: () => import('./addresses.ts'),
  stun: () => import('./stun.ts'),
  dns: () => import('./dns.ts'),
  'access-list': () => import('./access-list.ts'),
  'https-answer': () => import('./https-answer.ts'),
  socks5: () => import('./socks5.ts'),
  'vault-frames': () => import('./vault-frames.ts'),
  'worker-lines': () => import('./worker-lines.ts'),
  'token-records': () => import('./token-records.ts'),
  'sealed-state': () => import('./sealed-state.ts'),
  'stored-values': () => import('./stored-values.ts'),
  trace: () => import('./trace.ts'),
  values: () => import('./values.ts'),
  certificates: () => import('./certificates.ts'),
  requests: () => import('./requests.ts'),
  config: () => import('./config.ts'),
  scenarios: () => import('./scenarios.ts'),
}

/** Throws where there is none of that name. */
export async function loadTarget(name: string): Promise<Target> {
  if (!Object.hasOwn(TARGETS, name))
    throw new Error(`no fuzz target ${name}; there are ${Object.keys(TARGETS).join(', ')}`)
  return (await TARGETS[name]()).target
}
