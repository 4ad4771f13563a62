export const DOMAIN = 'www.example.com'

export interface TestSecret {
  readonly name: string
  readonly mode: 'plain' | 'padded' | 'fake-tls'
  /** 16 bytes in hex. */
  readonly key: string
  /** 16 bytes in hex, of a sponsored channel. */
  readonly adTag?: string
  /** Lines put at the end of its table. */
  readonly limits?: string
}

/** One user for each way of connecting. */
export const SECRETS: readonly TestSecret[] = [
  { name: 'plain', mode: 'plain', key: '00112233445566778899aabbccddeeff' },
  { name: 'dd', mode: 'padded', key: '0123456789abcdeffedcba9876543210' },
  { name: 'ee', mode: 'fake-tls', key: 'fedcba98765432100123456789abcdef' },
]
export const FAKE_TLS = SECRETS[2]

/** The secret as a client is given it: bare, with `dd`, or with `ee` and the domain. */
export function writtenSecret({ mode, key }: TestSecret): string {
  if (mode === 'plain') return key
  return mode === 'padded' ? `dd${key}` : `ee${key}${Buffer.from(DOMAIN).toString('hex')}`
}

export interface ConfigOptions {
  readonly dcPort: number
  readonly maskPort: number
  /** In place of the loopback's address. */
  readonly maskHost?: string
  /** Lines put at the end of the `[mask]` table. */
  readonly mask?: string
  /** Lines of the `[dns]` table. */
  readonly dns?: string
  readonly secrets?: readonly TestSecret[]
  readonly listenPort?: number
  /** Lines put at the end of the `[listen]` table. */
  readonly listen?: string
  /** Lines of the `[telegram]` table. */
  readonly telegram?: string
  /** Lines of the `[telegram.middle]` table; without them it points nowhere. */
  readonly middle?: string
  /** Lines of the `[access]` table. */
  readonly access?: string
  /** Where metrics are served. */
  readonly metrics?: string
  /** Lines put at the end of the `[log]` table. */
  readonly log?: string
  /** Tables put behind all others. */
  readonly more?: string
}

/** Nothing outside is asked for files. */
const NO_MIDDLE = 'secret = "none"\nconfig = "none"\nconfig_v6 = "none"'

/** A whole configuration: every DC is the simulated one, the mask host is the local site, all ports are free ones. */
export function configText(options: ConfigOptions): string {
  const {
    dcPort,
    maskPort,
    maskHost = '127.0.0.1',
    mask = '',
    dns = '',
    secrets = SECRETS,
    listenPort = 0,
    listen = '',
    telegram = '',
    middle = NO_MIDDLE,
    access = '',
    metrics = '127.0.0.1:0',
    log = '',
    more = '',
  } = options
  const dcs = [1, 2, 3, 4, 5].map((id) => `${id} = ["127.0.0.1:${dcPort}"]`)
  const users = secrets.map(
    ({ name, key, mode, adTag, limits = '' }) => `[[secret]]
name = "${name}"
key = "${key}"
modes = ["${mode}"]
${mode === 'fake-tls' ? `domain = "${DOMAIN}"` : ''}
${adTag === undefined ? '' : `ad_tag = "${adTag}"`}
${limits}`,
  )
  return `[listen]
address = ["127.0.0.1:${listenPort}"]
${listen}

${users.join('\n')}

[mask]
host = "${maskHost}"
port = ${maskPort}
${mask}

[dns]
${dns}

[access]
${access}

[telegram]
${telegram}

[telegram.dc]
${dcs.join('\n')}

[telegram.middle]
${middle}

[metrics]
listen = "${metrics}"

[log]
level = "debug"
${log}
${more}
`
}
