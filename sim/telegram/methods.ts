import { fileBytes, type UploadLog } from './files.ts'
import { TlReader, TlWriter } from './tl.ts'

/** What a method may know and touch. */
export interface MethodContext {
  /** As the client's init said, without its sign and the 10000 of test DCs. */
  readonly dc: number
  readonly wallSec: number
  readonly uploads: UploadLog
  /** Where clients that ask for the configuration are told to find this DC. */
  readonly address: { readonly ip: string; readonly port: number }
}

/** Reads its arguments and gives the result object, or why there is none. */
type Method = (args: TlReader, context: MethodContext) => Uint8Array | RpcError

export interface RpcError {
  readonly code: number
  readonly text: string
}

const bad = (text: string): RpcError => ({ code: 400, text })
/** The most one upload.getFile may ask for. */
export const PART_MAX_BYTES = 1 << 20
const FILE_MAX_BYTES = 2 ** 31
const BOOL_TRUE = new TlWriter().bool(true).done()

const inputFileLocation = {
  document: 0xbad07584,
  photo: 0x40181ffe,
} as const

/** upload.getFile: the id names the content; an access hash other than 0 is the file's length, and the file ends there. */
const getFile: Method = (args, { wallSec }) => {
  args.u32()
  const location = args.u32()
  if (location !== inputFileLocation.document && location !== inputFileLocation.photo) return bad('LOCATION_INVALID')
  const [id, accessHash] = [args.u64(), args.u64()]
  args.bytes()
  args.bytes()
  const [offset, limit] = [Number(args.u64()), args.i32()]
  if (args.isBroken) return bad('INPUT_METHOD_INVALID')
  if (limit < 1 || limit > PART_MAX_BYTES) return bad('LIMIT_INVALID')
  if (offset > FILE_MAX_BYTES) return bad('OFFSET_INVALID')
  const size = accessHash === 0n ? FILE_MAX_BYTES : Number(accessHash)
  const content = fileBytes(id, offset, Math.max(0, Math.min(limit, size - offset)))
  return new TlWriter().u32(0x096a18d5).u32(0xaa963b05).u32(wallSec).bytes(content).done()
}

const saveFilePart: Method = (args, { uploads }) => savePart(args, uploads, false)
const saveBigFilePart: Method = (args, { uploads }) => savePart(args, uploads, true)

function savePart(args: TlReader, uploads: UploadLog, isBig: boolean): Uint8Array | RpcError {
  const [fileId, part] = [args.u64(), args.i32()]
  if (isBig) args.i32()
  const content = args.bytes()
  if (args.isBroken) return bad('INPUT_METHOD_INVALID')
  if (content.length === 0) return bad('FILE_PART_EMPTY')
  uploads.add(fileId, part, content)
  return BOOL_TRUE
}

const getNearestDc: Method = (_args, { dc }) => new TlWriter().u32(0x8e1a1775).text('NL').u32(dc).u32(dc).done()

/** Every field that is not optional, with plausible values: clients want to read it, not to obey it. */
const getConfig: Method = (_args, { dc, wallSec, address }) => {
  const writer = new TlWriter()
    .u32(0xcc1a241e)
    .u32(0)
    .u32(wallSec)
    .u32(wallSec + 3600)
    .bool(false)
    .u32(dc)
  const isIpv6 = address.ip.includes(':')
  writer.vector([address], ({ ip, port }) =>
    writer
      .u32(0x18b7a10d)
      .u32(isIpv6 ? 1 : 0)
      .u32(dc)
      .text(ip)
      .u32(port),
  )
  writer.text('apv3.stel.com')
  // chat_size_max, megagroup_size_max, forwarded_count_max, online_update_period_ms, offline_blur_timeout_ms,
  // offline_idle_timeout_ms, online_cloud_timeout_ms, notify_cloud_delay_ms, notify_default_delay_ms,
  // push_chat_period_ms, push_chat_limit, edit_time_limit, revoke_time_limit, revoke_pm_time_limit, rating_e_decay,
  // stickers_recent_limit, channels_read_media_period, and four call time-outs.
  const numbers = [
    ...[200, 200_000, 100, 210_000, 5000, 30_000, 300_000, 30_000, 1500, 60_000, 2, 172_800],
    ...[2_147_483_647, 2_147_483_647, 2_419_200, 200, 604_800, 20_000, 90_000, 30_000, 10_000],
  ]
  for (const number of numbers) writer.u32(number)
  // me_url_prefix, caption_length_max, message_length_max, webfile_dc_id.
  return writer.text('https://t.me/').u32(1024).u32(4096).u32(4).done()
}

/** Keys bound to another need no proof here: whoever can seal with both has it. */
const bindTempAuthKey: Method = () => BOOL_TRUE

export const METHODS: ReadonlyMap<number, Method> = new Map([
  [0xc4f9186b, getConfig],
  [0x1fb33026, getNearestDc],
  [0xbe5335be, getFile],
  [0xb304a621, saveFilePart],
  [0xde7b673d, saveBigFilePart],
  [0xcdd42a05, bindTempAuthKey],
])

const WRAPPERS = {
  invokeWithLayer: 0xda9b0d0d,
  initConnection: 0xc1cd5ea9,
  invokeWithoutUpdates: 0xbf9459b7,
  invokeAfterMsg: 0xcb9f372d,
} as const
/** Nobody wraps a query deeper. */
const WRAPPERS_MAX = 8

/** Runs a query, out of its wrappers. */
export function callMethod(query: Uint8Array, context: MethodContext): Uint8Array | RpcError {
  const reader = new TlReader(query)
  for (let depth = 0; depth < WRAPPERS_MAX; depth++) {
    const constructor = reader.u32()
    switch (constructor) {
      case WRAPPERS.invokeWithLayer:
        reader.u32()
        break
      case WRAPPERS.invokeAfterMsg:
        reader.u64()
        break
      case WRAPPERS.invokeWithoutUpdates:
        break
      case WRAPPERS.initConnection:
        skipInitConnection(reader)
        break
      default:
        return METHODS.get(constructor)?.(reader, context) ?? bad('INPUT_METHOD_INVALID')
    }
  }
  return bad('INPUT_METHOD_INVALID')
}

/** flags, api id, six strings, then what the flags name: the proxy in use (bit 0), parameters as JSON (bit 1). */
function skipInitConnection(reader: TlReader): void {
  const flags = reader.u32()
  reader.u32()
  for (let i = 0; i < 6; i++) reader.bytes()
  if ((flags & 1) !== 0) {
    reader.u32()
    reader.bytes()
    reader.u32()
  }
  if ((flags & 2) !== 0) skipJson(reader, 0)
}

const JSON_DEPTH_MAX = 16

function skipJson(reader: TlReader, depth: number): void {
  if (depth > JSON_DEPTH_MAX || reader.isBroken) return
  switch (reader.u32()) {
    case 0xc7345e6a:
      reader.u32()
      break
    case 0x2be0dfa4:
      reader.u64()
      break
    case 0xb71e767a:
      reader.bytes()
      break
    case 0xf7444763:
      skipItems(reader, () => skipJson(reader, depth + 1))
      break
    case 0x99c1d49d:
      skipItems(reader, () => {
        reader.u32()
        reader.bytes()
        skipJson(reader, depth + 1)
      })
      break
    default:
      // jsonNull, and what does not exist: neither has anything behind it.
      break
  }
}

function skipItems(reader: TlReader, skip: () => void): void {
  reader.u32()
  for (let left = reader.u32(); left > 0 && !reader.isBroken; left--) skip()
}
