import { readCertificate, readChain } from '../../../src/trust/chain.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex } from './vectors.ts'

/**
 * CN=a.example, names a.example and *.b.example, key of P-256 and signed by it: openssl req -x509 -newkey ec
 * -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -outform der -subj /CN=a.example -addext subjectAltName=...
 */
const CERTIFICATE =
  '308201a83082014ea0030201020214513ede94e82e6b103b07e62a070d9dd950f9317b300a06082a8648ce3d04030230143112301006035504030c09' +
  '612e6578616d706c653020170d3236313133303033333333325a180f32313236313130363033333333325a30143112301006035504030c09612e6578' +
  '616d706c653059301306072a8648ce3d020106082a8648ce3d03010703420004cb765e514c0836dda9ac04977f414f66a22aead5b62331f5edb0bbca' +
  '3d921c84df2269b932d636b81a5b9c24271022f6a0821f1a3097a02c20eb23fd04899ab0a37c307a301d0603551d0e041604146fce6258436d1b6d11' +
  'b150a974ba5cb425598f59301f0603551d230418301680146fce6258436d1b6d11b150a974ba5cb425598f59300f0603551d130101ff040530030101' +
  'ff30270603551d110420301e8209612e6578616d706c65820b2a2e622e6578616d706c658704c0000201300a06082a8648ce3d040302034800304502' +
  '2100c040c657f21e5c046a79eb429934b8e0c3582cef09650e6b398fce57d8d396e3022026a8e301ace1f57e24e2cb78687f35c83e7846a9867396fc' +
  '8cdbe3e595080b4c'

/** Certificates that a server shows: the TLS library reads them, and what we take out of it is sound. */
export const target: Target = {
  bytesMax: 1024,
  seeds: () => [hex(CERTIFICATE)],
  tokens: [hex('300d06092a864886f70d01010b0500'), hex('0603551d11'), hex('3082'), hex('0382'), hex('0101ff')],
  run(input) {
    const certificate = readCertificate(input)
    // Which of the broken ones is still read is up to the TLS library, and each runtime has another: nothing to compare.
    if (certificate === undefined) return undefined
    const chain = readChain([input, hex(CERTIFICATE)])
    must(chain.length === 1 || chain.length === 2, 'a chain without its leaf, or longer than what came')
    mustBeSame(chain[0], certificate, 'the leaf')
    const { subject, names, untilSec, spki, certificate: whole } = certificate
    must(/^[\x20-\x7e]*$/.test(subject), 'a subject that is no line')
    must(
      names.every((name) => /^[a-z0-9*_.-]+$/.test(name)),
      'a name that is none',
    )
    must(Number.isInteger(untilSec), 'a time that is none')
    must(
      [spki, whole].every((digest) => Buffer.from(digest, 'base64').length === 32),
      'a digest of another length',
    )
    return undefined
  },
}
