import { fromAscii, toAscii } from '../../../src/core/protocol/bytes.ts'
import { latest, readBackup } from '../../../src/vault/backup.ts'
import {
  isUsable,
  KEPT_MAX,
  names,
  readName,
  readRecord,
  retired,
  rotated,
  writeRecord,
} from '../../../src/vault/generations.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const NOW_SEC = 1_764_201_600
const LINE = {
  ...{ palisade_backup: 1, label: 'family', generation: 2, made_sec: NOW_SEC },
  ...{ under: 'a'.repeat(64), check: 'b'.repeat(16), sealed: 'A'.repeat(342) + '==' },
}

/** What tokens and backup files say of secrets: records of generations, names of objects, lines of JSON. */
export const target: Target = {
  bytesMax: 1200,
  seeds: () =>
    [
      ...[
        'palisade 3 family 1:retired 2:retiring:1764201600 3:active',
        'palisade 0 a',
        'palisade 999999999 a 65535:active',
      ],
      ...['family', 'family (hmac)', 'family (state)', 'family (2)', 'family (65535, hmac)'],
      ...[`${JSON.stringify(LINE)}\n`, `\n${JSON.stringify({ ...LINE, generation: 3 })}\n${JSON.stringify(LINE)}`],
    ].map(fromAscii),
  tokens: [
    'palisade ',
    ':active',
    ':retired',
    ':retiring:',
    ' 1',
    ' (2)',
    ' (hmac)',
    '"label":',
    '"generation":',
    '1e1',
    '\\u0041',
  ],
  run(input) {
    const text = toAscii(input)
    const backup = readBackup(text)
    if ('lines' in backup) must(latest(backup.lines).length <= backup.lines.length, 'more labels than lines')
    else must(backup.badLine >= 1 && backup.badLine <= text.split('\n').length, 'a bad line that is not there')
    const name = readName(text)
    if (name !== undefined) {
      const { label, part, number } = name
      must(number <= 99_999 && (part !== 'record' || number === 0), 'a number that is none')
      mustBeSame(part === 'record' ? names.record(label) : names[part](label, number), text, 'a name written again')
    }
    return [backup, name, recordOf(text)]
  },
}

function recordOf(text: string): unknown {
  const record = readRecord(text)
  if (record === undefined) return undefined
  mustBeSame(writeRecord(text.split(' ')[2], record), text, 'a record written again')
  const { generations } = record
  must(generations.length <= KEPT_MAX, 'more generations than are kept')
  const numbers = generations.map(({ number }) => number)
  must(
    numbers.every((number, at) => number >= 1 && number > (numbers[at - 1] ?? 0)),
    'numbers that do not rise',
  )
  const next = rotated(record, (numbers.at(-1) ?? 0) + 1, NOW_SEC + 60, NOW_SEC)
  must(next.generations.filter(({ state }) => state === 'active').length === 1, 'a rotation without one that is active')
  const none = retired(next, () => true)
  must(!none.generations.some((one) => isUsable(one, NOW_SEC)), 'a retired one can be used')
  return record
}
