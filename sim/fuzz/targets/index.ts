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
}

/** Throws where there is none of that name. */
export async function loadTarget(name: string): Promise<Target> {
  if (!Object.hasOwn(TARGETS, name))
    throw new Error(`no fuzz target ${name}; there are ${Object.keys(TARGETS).join(', ')}`)
  return (await TARGETS[name]()).target
}
