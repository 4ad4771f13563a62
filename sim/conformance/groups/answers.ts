import { createHash } from 'node:crypto'
import type { Framing } from '../../../src/core/protocol/obfuscated2.ts'
import { fileSha256 } from '../../telegram/files.ts'
import { makeAuthKey } from '../../telegram/message.ts'
import { SERVICE } from '../../telegram/session.ts'
import { TlWriter } from '../../telegram/tl.ts'
import { Failed, type Context, type Group } from '../case.ts'
import { Talk } from '../talk.ts'

const FILE_ID = 0x123456789abcdefn
const PART_BYTES = 1 << 19
const PARTS = 4
const KEY_LENGTH = 256
const PINGS = 100

function framingsOf({ secret }: Context): readonly Framing[] {
  return secret.mode === 'plain' ? ['abridged', 'intermediate'] : ['padded']
}

async function expectQuickAck(context: Context, framing: Framing): Promise<void> {
  const agreed = await (await Talk.open(context, { framing })).agree()
  const talk = await Talk.open(context, { framing, agreed })
  let token: number | undefined
  talk.client.onQuickAck = (found) => (token = found)
  const query = new TlWriter().u32(SERVICE.ping).u64(7n).done()
  await talk.result(`a pong (${framing})`, (reply) => talk.client.call(query, reply, { quickAck: true }))
  if (token === undefined) throw new Failed(`${framing}: the pong came, its quick ack did not`)
}

async function download(talk: Talk): Promise<string> {
  const hash = createHash('sha256')
  for (let part = 0; part < PARTS; part++) {
    const file = { id: FILE_ID, offset: part * PART_BYTES, limit: PART_BYTES }
    hash.update(await talk.result('a part of a file', (reply) => talk.client.getFile(file, reply)))
  }
  return hash.digest('hex')
}

function expectWhole(found: string): void {
  if (found !== fileSha256(FILE_ID, PARTS * PART_BYTES)) throw new Failed('the file came, but with other bytes')
}

/** What only a Telegram of ours can be made to say. */
export const answers: Group = {
  title: 'what Telegram says',
  cases: [
    {
      title: 'a key exchange',
      needs: ['telegram'],
      run: async (context) => void (await (await Talk.open(context)).agree()),
    },
    {
      title: 'quick acks, in every transport',
      needs: ['telegram'],
      run: async (context) => {
        for (const framing of framingsOf(context)) await expectQuickAck(context, framing)
      },
    },
    {
      title: 'a transport error (-404) for a key that Telegram does not know',
      needs: ['telegram'],
      run: async (context) => {
        const key = makeAuthKey(context.random.fill(new Uint8Array(KEY_LENGTH)))
        const talk = await Talk.open(context, { agreed: { key, salt: 0n } })
        talk.client.ping(1n, () => {})
        await talk.wire.until(() => talk.trouble, context.answerMs)
        if (talk.trouble !== 'error -404') throw new Failed(`expected -404, but: ${talk.trouble ?? 'nothing'}`)
      },
    },
    {
      title: 'a file of 2 MB, byte by byte the same',
      needs: ['telegram'],
      run: async (context) => {
        const talk = await Talk.open(context)
        await talk.agree()
        expectWhole(await download(talk))
      },
    },
    {
      title: 'the same to a client that does not read for a while',
      needs: ['telegram'],
      run: async (context) => {
        const talk = await Talk.open(context)
        await talk.agree()
        const asked = download(talk)
        talk.wire.pause()
        // Others are served meanwhile.
        await (await Talk.open(context)).expectPq()
        talk.wire.resume()
        expectWhole(await asked)
      },
    },
    {
      title: 'a part of 512 KB to Telegram',
      needs: ['telegram'],
      run: async (context) => {
        const talk = await Talk.open(context)
        await talk.agree()
        const content = context.random.fill(new Uint8Array(PART_BYTES))
        const file = { id: FILE_ID, part: 0, content }
        await talk.result('the receipt of a part', (reply) => talk.client.saveFilePart(file, reply))
      },
    },
    {
      title: `${PINGS} questions on their way at once, each with its answer`,
      needs: ['telegram'],
      run: async (context) => {
        const talk = await Talk.open(context)
        await talk.agree()
        const ask = (at: number) => talk.result<bigint>('a pong', (reply) => talk.client.ping(BigInt(at), reply))
        const found = await Promise.all(Array.from({ length: PINGS }, (_, at) => ask(at)))
        if (found.some((id, at) => id !== BigInt(at))) throw new Failed('a question got the answer of another')
      },
    },
  ],
}
