import { describe, expect, it } from 'vitest'
import { crossChecks } from '../../src/config/cross-checks.ts'
import { load } from '../../src/config/load.ts'
import { configSchema } from '../../src/config/schema.ts'

const DIGEST = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
const read = (table: object) => configSchema.shape.pinning.safeParse({ pins: [table] })

describe('[pinning]', () => {
  it('reads digests in every writing as one, times as seconds, and hosts in lower case', () => {
    const hex = Buffer.from(DIGEST, 'base64').toString('hex')
    const table = { host: 'X.Test', spki_sha256: [DIGEST, `sha256/${DIGEST}`, hex], until: '2027-01-01T00:00:00Z' }
    expect(read(table).data?.pins).toEqual([
      {
        host: 'x.test',
        spki_sha256: [DIGEST, DIGEST, DIGEST],
        certificate_sha256: [],
        from: undefined,
        until: 1_798_761_600,
        backup: false,
      },
    ])
  })

  it.each([
    [{ host: 'https://x.test', spki_sha256: [DIGEST] }],
    [{ host: 'x.test', spki_sha256: ['base64'] }],
    [{ host: 'x.test', certificate_sha256: ['da39a3ee5e6b4b0d3255bfef95601890afd80709'] }],
    [{ host: 'x.test', spki_sha256: DIGEST }],
    [{ host: 'x.test', spki_sha256: [DIGEST], until: 'tomorrow' }],
    [{ host: 'x.test', spki: [DIGEST] }],
  ])('refuses %j', (table) => expect(read(table).success).toBe(false))

  it('wants a digest in each table, and times in order', () => {
    const loaded = load({
      text: '[[secret]]\nname = "a"\nkey = "00112233445566778899aabbccddeeff"\nmodes = ["plain"]\n',
      file: 'palisade.toml',
    })
    if ('problems' in loaded) throw new Error('it must load')
    const pinning = configSchema.shape.pinning.parse({
      pins: [
        { host: 'x.test' },
        { host: 'x.test', spki_sha256: [DIGEST], from: '2027-01-01', until: '2027-01-01' },
        { host: 'x.test', spki_sha256: [DIGEST], from: '2027-01-01', until: '2027-01-02' },
      ],
    })
    const problems = crossChecks({ ...loaded.config, pinning })
    expect(problems.map(({ path, allowed }) => `${path.join('.')}: ${allowed}`)).toEqual([
      'pinning.pins.0: a digest in spki_sha256 or certificate_sha256',
      'pinning.pins.1.until: a time after from',
    ])
  })
})
