import { assert } from '../../src/core/assert.ts'
import type { Address } from '../../src/core/ports.ts'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { addressesOf } from '../../src/core/telegram/dcs.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import { PLACE_USED_AGAIN } from '../telegram/middle-link.ts'
import { SimulatedMiddleProxy, type MiddleBehaviour } from '../telegram/middle-proxy.ts'
import type { Misdeed } from '../telegram/middle-writer.ts'
import { TalkBackend } from '../telegram/talk-backend.ts'
import { TalkDc } from '../telegram/talk-dc.ts'
import type { SeededRandom } from '../world/random.ts'
import { MASK_IP, MASK_NAME, PUBLIC_MASK_IP } from './options.ts'
import type { Scene } from './scene.ts'

export const DC_IDS = [1, 2, 3, 4, 5, 203, 10_001, 10_002, 10_003] as const
const DC_SILENCE_MS = 40_000
/** Short, so that names grow old within a run. */
const TTL_SEC = 30
/** Media and others each have a fleet of their own; DC 5 has none, and goes to the default's. */
const MIDDLE_DCS = [1, -1, 2, -2, 3, -3, 4, -4, 203, -203] as const
const MIDDLE_DEFAULT = 2
const MIDDLE_PORT = 8888
/** Telegram closes links every 30 to 70 seconds; runs are short, so some are closed sooner. */
const ROTATE_MS = { min: 4_000, max: 70_000 }
const MISDEEDS: readonly Misdeed[] = ['checksum', 'sequence', 'length', 'long-length', 'garbage', 'silence']
const HUGE_BYTES = 1 << 20
/** What Telegram's own proxy takes for a secret, at least. */
const SECRET_MIN_BYTES = 32
const PAGE = `<html>${'<p>Please log in to use this network.</p>'.repeat(12)}</html>\n`

/** What is not the proxy's: Telegram, its files, and the mask site. */
export class Places {
  readonly #scene: Scene
  readonly #proxySecret: Uint8Array
  /** Whether files come wrong, and links to middle proxies go wrong. */
  areFilesWrong = false
  areLinksWrong = false

  constructor(scene: Scene) {
    this.#scene = scene
    this.#proxySecret = scene.world.random('proxy-secret').bytes(128)
    this.#openTelegram()
    this.#openMiddleProxies()
    this.#openSite()
  }

  /** Where the mask site is; undefined when the configuration leads nowhere. */
  get site(): Address | undefined {
    const { mask, settings } = this.#scene.options
    const isNowhere = mask === 'none' || (mask === 'domain' && settings.secrets.every(({ domain }) => domain === ''))
    return isNowhere ? undefined : { ip: mask === 'literal' ? MASK_IP : PUBLIC_MASK_IP, port: 443 }
  }

  get dcIps(): readonly string[] {
    return DC_IDS.flatMap((dc) => this.addressesOfDc(dc))
  }

  /** Everything of Telegram's that can be out of reach. */
  get farIps(): readonly string[] {
    return [...this.dcIps, ...MIDDLE_DCS.map(middleIp)]
  }

  addressesOfDc(dc: number): readonly string[] {
    return (addressesOf(dc, this.#scene.settings.telegram) ?? []).map(({ ip }) => ip)
  }

  /** Where a client of that DC may end up: at the DC, or at the middle proxy for it. */
  ofDc(dc: number): readonly string[] {
    const isListed = (MIDDLE_DCS as readonly number[]).includes(dc)
    // An older list may not have it.
    const old = this.#scene.options.faults.has('wrong-files') ? [middleIp(MIDDLE_DEFAULT)] : []
    return [...this.addressesOfDc(dc), middleIp(isListed ? dc : MIDDLE_DEFAULT), ...old]
  }

  /** Telegram's files, or what comes of asking for them while it is out of reach. */
  file(source: string, maxBytes: number): { readonly bytes: Uint8Array } | { readonly why: string } {
    if (this.#scene.store.isFailing) return { why: 'out of reach' }
    const bytes = source === 'proxy-secret' ? this.#proxySecret : configFile(MIDDLE_DCS)
    if (!this.areFilesWrong) return { bytes }
    const wrong = wrongFile(bytes, source !== 'proxy-secret', this.#scene.world.random('wrong-files'))
    this.#scene.reach('wrong file')
    return wrong.length > maxBytes ? { why: 'too large' } : { bytes: wrong }
  }

  #openTelegram(): void {
    const { world, network, options, tell } = this.#scene
    const silences = world.random('silences')
    const dc = new TalkDc({
      random: world.random('dc'),
      after: world.after,
      silenceMs: () => (this.#scene.isCalm ? DC_SILENCE_MS : silences.between(2_000, DC_SILENCE_MS)),
      slowOneIn: options.profile === 'realistic' ? 40 : 8,
      onPart: (part, at) => tell({ kind: 'part-at-dc', part, at }),
      onNonsense: (what) => tell({ kind: 'nonsense-at-dc', what }),
    })
    for (const ip of this.dcIps) network.host(ip).listen(443, dc.accept)
  }

  #openMiddleProxies(): void {
    const { world, network, tell, nat } = this.#scene
    const secret = readProxySecret(this.#proxySecret)
    assert(!('fault' in secret), 'random bytes make a secret')
    const next = new Map<number, number>()
    const random = world.random('middle')
    for (const dc of MIDDLE_DCS) {
      const backend = new TalkBackend({
        at: { ip: middleIp(dc), port: MIDDLE_PORT },
        onPart: (part, at) => tell({ kind: 'part-at-dc', part, at }),
        onNonsense: (what) => tell({ kind: 'nonsense-at-dc', what }),
        next,
      })
      const { clock, after } = world
      const middle = new SimulatedMiddleProxy({
        ...{ clock, random, after, secret, dc, backend },
        seen: { proxy: nat.seen },
      })
      middle.onFault = (why, isOpen) => {
        if (why === PLACE_USED_AGAIN) this.#scene.checkers.fail('I7', why)
        // A clock that steps in mid-handshake and a path that is dead are nobody's fault. A secret that broke on the disk makes other keys.
        const isBroken = !isOpen && this.#scene.reached.has('fault torn-writes')
        if (why !== 'clock-skew' && why !== 'no pong' && !isBroken)
          tell({ kind: 'nonsense-at-dc', what: `${why}, by middle proxy` })
      }
      network.host(middleIp(dc)).listen(MIDDLE_PORT, (connection) => {
        // In a time without faults no link is closed: a client whose request is lost with it is told so by its end.
        const rotates = this.#scene.isCalm ? {} : { closeAfterMs: random.between(ROTATE_MS.min, ROTATE_MS.max) }
        middle.behaviour = { pingEveryMs: 20_000, pongWithinMs: 120_000, ...rotates, ...this.#misbehaviour() }
        return middle.accept(connection)
      })
    }
  }

  /** From its first frame on, a link may go wrong at any. */
  #misbehaviour(): Pick<MiddleBehaviour, 'misbehaviour'> {
    const random = this.#scene.world.random('wrong-links')
    if (!this.areLinksWrong || this.#scene.isCalm || !random.chance(1, 2)) return {}
    const misdeed = random.pick(MISDEEDS)
    this.#scene.reach(`link ${misdeed}`)
    return { misbehaviour: { misdeed, atFrame: random.below(12) } }
  }

  #openSite(): void {
    const { network, world, options } = this.#scene
    const { site } = this
    if (site === undefined) return
    network.host(site.ip).listen(443, new MaskSite({ name: 'site', after: world.after }).accept)
    const names = [MASK_NAME, ...options.settings.secrets.map(({ domain }) => domain)].filter((name) => name !== '')
    for (const name of names) network.setName(name, [PUBLIC_MASK_IP], TTL_SEC)
  }
}

function configFile(dcs: readonly number[]): Uint8Array {
  const lines = dcs.map((dc) => `proxy_for ${dc} ${middleIp(dc)}:${MIDDLE_PORT};\n`)
  return fromAscii(`default ${MIDDLE_DEFAULT};\n${lines.join('')}`)
}

/** Cut short, empty, the page of a portal, far too large; a list may also be an old one. */
function wrongFile(file: Uint8Array, isList: boolean, random: SeededRandom): Uint8Array {
  const how = random.pick(['empty', 'cut', 'page', 'huge', 'old'] as const)
  if (how === 'old' && isList)
    return configFile(MIDDLE_DCS.filter((dc) => dc === MIDDLE_DEFAULT || random.chance(2, 3)))
  if (how === 'huge') return new Uint8Array(HUGE_BYTES)
  // A secret that is cut short somewhere else than near its start is one that nobody can tell from another.
  if (how === 'cut') return file.slice(0, random.below(isList ? file.length : SECRET_MIN_BYTES))
  return how === 'page' ? fromAscii(PAGE) : new Uint8Array(0)
}

function middleIp(dc: number): string {
  return `91.108.${dc < 0 ? 5 : 4}.${Math.abs(dc)}`
}
