import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fromAscii } from '../../../../src/core/protocol/bytes.ts'
import { clusterOf, parseProxyConfig, readProxySecret } from '../../../../src/core/protocol/rpc/index.ts'
import {
  CONFIG_MAX_BYTES,
  PROBLEMS_MAX,
  TARGETS_MAX,
  type ProxyConfigOptions,
} from '../../../../src/core/protocol/rpc/proxy-config.ts'
import { arbBytes, testRandom } from '../arbitrary.ts'
import { SECRET, SELECTOR } from './vectors.ts'

const parse = (text: string, options: ProxyConfigOptions = { family: 4 }) => parseProxyConfig(fromAscii(text), options)

function config(text: string, options?: ProxyConfigOptions) {
  const result = parse(text, options)
  if ('problems' in result) throw new Error(JSON.stringify(result.problems))
  return result.config
}

function problems(text: string, options?: ProxyConfigOptions) {
  const result = parse(text, options)
  return 'problems' in result ? result.problems.map(({ line, reason }) => `${line} ${reason}`) : []
}

const REAL = `# force_probability 10 10
default 2;
proxy_for 1 149.154.175.50:8888;
proxy_for -1 149.154.175.50:8888;
proxy_for 2 149.154.161.144:8888;
proxy_for -2 149.154.161.184:8888;
proxy_for 203 91.105.192.110:443;
proxy_for 4 91.108.4.209:8888;
proxy_for 4 91.108.4.134:8888;
`

describe('proxy-multi.conf', () => {
  it('is read as it is published', () => {
    const read = config(REAL)
    expect([...read.clusters.keys()]).toEqual([1, -1, 2, -2, 203, 4])
    expect(clusterOf(read, 4)).toEqual([
      { ip: '91.108.4.209', port: 8888 },
      { ip: '91.108.4.134', port: 8888 },
    ])
    expect(clusterOf(read, -2)).toEqual([{ ip: '149.154.161.184', port: 8888 }])
    for (const unknown of [-203, 5, 10_002]) expect(clusterOf(read, unknown)).toEqual(clusterOf(read, 2))
  })

  it('has IPv6 addresses in brackets, in the file for those', () => {
    const text = 'default 2; proxy_for 2 [2001:067c:04e8:f002::d]:80; proxy_for -2 [2001:67c:4e8:f002::e]:80;'
    expect(clusterOf(config(text, { family: 6 }), -2)).toEqual([{ ip: '2001:67c:4e8:f002::e', port: 80 }])
    expect(clusterOf(config(text, { family: 6 }), 2)).toEqual([{ ip: '2001:67c:4e8:f002::d', port: 80 }])
    expect(problems(text)).toEqual(['1 other-family', '1 other-family'])
    expect(problems(REAL, { family: 6 })).toContain('3 other-family')
  })

  it('may be laid out in any way', () => {
    const text = '\r\n;; default\t2 # the media too\n; proxy_for\n 2\n1.2.3.4:5;proxy 9.9.9.9:65535;\ntimeout 10;#;'
    expect(config(text).clusters).toEqual(
      new Map([
        [2, [{ ip: '1.2.3.4', port: 5 }]],
        [0, [{ ip: '9.9.9.9', port: 65535 }]],
      ]),
    )
  })

  it('takes a target that is said again only once', () => {
    expect(clusterOf(config('default 1; proxy_for 1 1.2.3.4:5; proxy_for 1 1.2.3.4:5;'), 1)).toHaveLength(1)
  })

  const GOOD = 'default 2; proxy_for 2 1.2.3.4:5;\n'
  it.each([
    ['proxy_for 2 1.2.3.4:5', '2 no-end'],
    ['proxy_for 2;', '2 wrong-arguments'],
    ['proxy_for 2 1.2.3.4:5 6;', '2 wrong-arguments'],
    ['proxy 2 1.2.3.4:5;', '2 wrong-arguments'],
    ['\n\nproxy_for x 1.2.3.4:5;', '4 bad-number'],
    ['proxy_for 02 1.2.3.4:5;', '2 bad-number'],
    ['proxy_for +2 1.2.3.4:5;', '2 bad-number'],
    ['proxy_for -0 1.2.3.4:5;', '2 bad-number'],
    ['proxy_for 9999999999 1.2.3.4:5;', '2 bad-number'],
    ['proxy_for 32768 1.2.3.4:5;', '2 out-of-range'],
    ['proxy_for -32769 1.2.3.4:5;', '2 out-of-range'],
    ['proxy_for 2 1.2.3.4;', '2 bad-address'],
    ['proxy_for 2 1.2.3.4:0;', '2 bad-address'],
    ['proxy_for 2 1.2.3.4:65536;', '2 bad-address'],
    ['proxy_for 2 1.2.3.256:1;', '2 bad-address'],
    ['proxy_for 2 1.2.3:1;', '2 bad-address'],
    ['proxy_for 2 [1.2.3.4]:1;', '2 bad-address'],
    ['proxy_for 2 2001:db8::1:80;', '2 bad-address'],
    ['proxy_for 2 proxy.example:80;', '2 bad-address'],
    ['proxy_for 2 [::ffff:1.2.3.4]:80;', '2 other-family'],
    ['proxy_for 2 10.0.0.1:80;', '2 private-address'],
    ['proxy_for 2 127.0.0.1:80;', '2 private-address'],
    ['default 3;', '2 said-twice'],
    ['default;', '2 wrong-arguments'],
    ['timeout 9;', '2 out-of-range'],
    ['timeout 30001;', '2 out-of-range'],
    ['min_connections 0;', '2 out-of-range'],
    ['max_connections 1001;', '2 out-of-range'],
    ['secret 1;', '2 unknown-statement'],
    ['proxy_for 2 1.2.3.4:5;\x00', '2 not-text'],
    ['\n\x80', '3 not-text'],
  ])('%j is told with its line: %s', (line, problem) => {
    expect(problems(GOOD + line)).toEqual([problem])
  })

  it('tells all problems, up to a number, and what stands there', () => {
    expect(problems(`${GOOD}timeout 1;\ntimeout 2;\n`)).toEqual(['2 out-of-range', '3 out-of-range'])
    expect(problems('x;\n'.repeat(1000))).toHaveLength(PROBLEMS_MAX)
    const result = parse(`<!doctype html><title>${'sign in '.repeat(20)}</title>;`)
    expect(result).toEqual({
      problems: [{ line: 1, reason: 'unknown-statement', found: '<!doctype html><title>sign in sign in...' }],
    })
  })

  it('is of no use without targets, or without those of its default', () => {
    for (const empty of ['', '# nothing', 'default 2;']) expect(problems(empty)).toEqual(['0 no-targets'])
    expect(problems('proxy_for 2 1.2.3.4:5;')).toEqual(['0 no-default'])
    expect(problems('default -2; proxy_for 2 1.2.3.4:5;')).toEqual(['0 no-default'])
  })

  it('may name private addresses in a test network', () => {
    const text = 'default 2; proxy_for 2 10.0.0.1:5;'
    expect(clusterOf(config(text, { family: 4, mayBePrivate: true }), 2)).toHaveLength(1)
  })

  it('has a longest length and a largest number of targets', () => {
    const filled = GOOD.padEnd(CONFIG_MAX_BYTES, '#')
    expect([problems(filled), problems(filled + '#')]).toEqual([[], ['0 too-long']])
    const targets = (count: number) =>
      'default 0;' + Array.from({ length: count }, (_, i) => `proxy 1.1.${i >> 8}.${i & 255}:1;`).join('\n')
    expect(config(targets(TARGETS_MAX)).clusters.get(0)).toHaveLength(TARGETS_MAX)
    expect(problems(targets(TARGETS_MAX + 1))).toEqual([`${TARGETS_MAX + 1} too-many-targets`])
  })

  const arbTexts = fc
    .array(
      fc.constantFrom('default', 'proxy_for', 'proxy', '2', '-1', '1.2.3.4:5', '[::1]:2', ';', '#', '\n', ' ', 'x'),
    )
    .map((words) => fromAscii(words.join(' ')))
  test.prop([fc.oneof(arbBytes(300), arbTexts)])('of any bytes is a config with targets, or problems', (file) => {
    const result = parseProxyConfig(file, { family: 4 })
    if ('problems' in result) expect(result.problems.length).toBeGreaterThan(0)
    else expect(clusterOf(result.config, 1).length).toBeGreaterThan(0)
  })
})

describe('proxy-secret', () => {
  const random = (length: number) => testRandom().fill(new Uint8Array(length))

  it('is taken whole, with its first word as the selector', () => {
    expect(readProxySecret(SECRET)).toEqual({ bytes: Uint8Array.from(SECRET), selector: SELECTOR })
  })

  it.each([
    [31, 'too-short'],
    [32, undefined],
    [256, undefined],
    [257, 'too-long'],
    [0, 'too-short'],
  ])('of %d bytes: %s', (length, fault) => {
    const read = readProxySecret(random(length))
    expect('fault' in read ? read.fault : undefined).toBe(fault)
  })

  it('is neither a page nor zeros', () => {
    expect(readProxySecret(fromAscii('<html><body>Please sign in to use this network.</body>\r\n'))).toEqual({
      fault: 'text',
    })
    expect(readProxySecret(new Uint8Array(128))).toEqual({ fault: 'not-random' })
    expect(readProxySecret(Uint8Array.from({ length: 128 }, (_, i) => 0x80 + (i % 15)))).toEqual({
      fault: 'not-random',
    })
  })

  test.prop([arbBytes(300)])('of any bytes never throws', (file) => {
    readProxySecret(file)
  })
})
