/** The protocol between a proxy and Telegram's middle proxies (protocol.md, 5). */
export { FRAME_MAX, type FrameFault } from './frame.ts'
export {
  HANDSHAKE_ERRORS,
  handshakeFault,
  isSamePid,
  pidOf,
  type Handshake,
  type HandshakeFault,
  type Pid,
} from './handshake.ts'
export { behindNat, fromOutside, linkKeys, type LinkKeys, type LinkSecrets, type NatPair } from './keys.ts'
export { RpcReader, RpcWriter } from './link.ts'
export { NONCE_LENGTH, SCHEMA_AES, nonceFault, type Nonce, type NonceFault } from './nonce.ts'
export { readPacket, type RpcPacket } from './packet.ts'
export { clusterOf, parseProxyConfig, type ConfigProblem, type ProxyConfig } from './proxy-config.ts'
export { PROXY_REQ_OVERHEAD, endpointOf, isPlainMessage, type Endpoint, type ProxyReq } from './proxy-req.ts'
export { readProxySecret, type ProxySecret, type ProxySecretFault } from './proxy-secret.ts'
export { ANS_FLAGS } from './relayed.ts'
