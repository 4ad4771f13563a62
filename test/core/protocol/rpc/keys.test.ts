import { describe, expect, it } from 'vitest'
import { read32le } from '../../../../src/core/protocol/bytes.ts'
import { behindNat, linkKeys } from '../../../../src/core/protocol/rpc/index.ts'
import { keyInput } from '../../../../src/core/protocol/rpc/keys.ts'
import { hex, toHex } from '../arbitrary.ts'
import { secretsFor, SELECTOR, vector } from './vectors.ts'

const inHex = ({ key, iv }: { key: Uint8Array; iv: Uint8Array }) => ({ key: toHex(key), iv: toHex(iv) })

describe('the keys of a link', () => {
  it.each(['kdf_v4', 'kdf_v6'] as const)('%s', (name) => {
    const { CLIENT, SERVER, ...ends } = vector[name]
    const secrets = secretsFor(ends)
    expect(toHex(keyInput(secrets, 'CLIENT'))).toBe(CLIENT.input)
    expect(toHex(keyInput(secrets, 'SERVER'))).toBe(SERVER.input)
    const { toMiddle, toProxy } = linkKeys(secrets)
    expect(inHex(toMiddle)).toEqual({ key: CLIENT.key, iv: CLIENT.iv })
    expect(inHex(toProxy)).toEqual({ key: SERVER.key, iv: SERVER.iv })
  })

  it('agree with what another proxy published', () => {
    const known = vector.external_kdf_known_answer
    const { toMiddle } = linkKeys({
      secret: hex(known.proxy_secret),
      middleNonce: hex(known.server_nonce),
      proxyNonce: hex(known.client_nonce),
      proxyWallSec: known.ts,
      middle: { ip: known.server_ip, port: known.server_port },
      proxy: { ip: known.client_ip, port: known.client_port },
    })
    expect(inHex(toMiddle)).toEqual(known.CLIENT)
  })

  it('count an IPv4-mapped address as IPv4', () => {
    const secrets = secretsFor(vector.kdf_v4)
    const mapped = { ...secrets, middle: { ...secrets.middle, ip: `::ffff:${secrets.middle.ip}` } }
    expect(linkKeys(mapped)).toEqual(linkKeys(secrets))
  })

  it('are those of the address that the outside sees', () => {
    const nat = [{ local: '10.0.0.7', public: '203.0.113.7' }]
    const secrets = secretsFor(vector.kdf_v4)
    const inside = { ip: '10.0.0.7', port: secrets.proxy.port }
    expect(linkKeys({ ...secrets, proxy: behindNat(inside, nat) })).toEqual(linkKeys(secrets))
    expect(linkKeys({ ...secrets, proxy: inside })).not.toEqual(linkKeys(secrets))
    expect(behindNat({ ip: '10.0.0.8', port: 1 }, nat)).toEqual({ ip: '10.0.0.8', port: 1 })
  })

  it('go by a selector that is the first word of the secret', () => {
    expect(SELECTOR).toBe(read32le(hex(vector.key_selector), 0))
  })
})
