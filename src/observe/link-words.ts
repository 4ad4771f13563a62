import type { LinkEnd, OwnAddress } from '../core/events.ts'
import type { Address } from '../core/ports.ts'

const SOURCES: Readonly<Record<OwnAddress['source'], string>> = {
  nat: 'which telegram.middle.nat says',
  stun: 'which STUN servers say',
  interface: 'the address of our interface',
}

/** What an operator can do about a link to a middle proxy that never opened; `mismatch` as in the event. One line. */
export function whyNoLink(address: Address, why: LinkEnd, mismatch: OwnAddress | undefined): string {
  const who = `the middle proxy at ${address.ip} port ${address.port}`
  if (mismatch !== undefined) {
    const { ip, local, source } = mismatch
    const interfaceHas = ip === local ? '' : `; our interface has ${local}`
    const otherwise = source === 'interface' ? '' : ', or the NAT changes ports, and then middle proxies cannot be used'
    return (
      `${who} did not understand our handshake: our public address is probably not ${ip} (${SOURCES[source]}${interfaceHas}); ` +
      `set telegram.middle.nat to the right one${otherwise}`
    )
  }
  switch (why) {
    case 'address-unknown':
      return `no link to ${who}: our public address behind the NAT is not known; set telegram.middle.nat to it`
    case 'end':
    case 'reset':
      return `${who} closed before it said anything: an old proxy secret, a clock that is off by more than 30 s, or no middle proxy`
    case 'handshake-timeout':
      return `${who} said nothing: something on the way swallows what we send, or it is no middle proxy`
    case 'bad-frame':
      return `${who} speaks another protocol: the list of middle proxies is wrong`
    case 'other-secret':
      return `${who} knows another proxy secret: ours is old`
    case 'other-schema':
      return `${who} wants a cipher that we do not speak`
    case 'clock-skew':
      return `${who} has another time: the clock of this machine is off by more than 30 s`
    case 'handshake-refused':
    case 'other-peer':
      return `${who} refused our handshake`
    case 'overflow':
      return `no buffer was left for ${who}`
    case 'silent':
    case 'idle':
    case 'retired':
    case 'shutdown':
      return `the link to ${who} was closed`
  }
}

/** As the first word of a line. */
export function asSentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
