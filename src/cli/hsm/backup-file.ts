import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import type { KeyObject } from 'node:crypto'
import type { Command } from 'commander'
import { readTextFile, whyUnreadable } from '../../config/key-files.ts'
import { readBackup, readSealingKey, seal, type BackedUp, type BackupLine } from '../../vault/backup.ts'
import { CliError, EXIT } from '../exit.ts'
import { say } from '../output.ts'
import { nowSec } from './act.ts'

export interface BackupOptions {
  readonly backup?: string
  readonly under?: string
}

/** A line is about 800 bytes; more than a token holds secrets. */
const FILE_MAX = 64 << 20

/** Secrets never leave the token, so that what is to be kept of one is kept while it is made. */
export function withBackupOptions(command: Command): Command {
  return command
    .option('--backup <file>', 'append the secret to this backup file, sealed')
    .option('--under <pem>', 'the public key it is sealed under: see palisade hsm backup --init')
}

export interface Backup {
  /** Appends one, and is on the disk at its return. Throws a `CliError`: then there is a secret without a backup. */
  add(secret: BackedUp): void
}

/** Everything that can be wrong is found out here, before the token is changed. */
export function openBackup({ backup: file, under }: BackupOptions): Backup | undefined {
  if (file === undefined && under === undefined) return undefined
  if (file === undefined || under === undefined)
    throw new CliError(EXIT.usage, '--backup: expected together with --under, and the other way round')
  const key = sealingKey(under)
  const descriptor = open(file)
  if (fstatSync(descriptor).size > 0) readBackupFile(file)
  return {
    add(secret) {
      try {
        append(descriptor, seal(secret, key, nowSec()))
      } catch (error) {
        const { label, generation } = secret
        const what = `generation ${generation} of ${label} is in the token, and NOT in ${file}`
        throw new CliError(EXIT.failed, `${what}, which ${whyUnreadable(error)}: rotate it, with a backup that works`)
      }
    },
  }
}

/** All lines of a backup file. Throws a `CliError` of one line. */
export function readBackupFile(file: string): readonly BackupLine[] {
  let text: string
  try {
    if (statSync(file).size > FILE_MAX) throw Object.assign(new Error('too large'), { code: 'EFBIG' })
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new CliError(EXIT.failed, `${file} ${whyUnreadable(error)}`)
  }
  const read = readBackup(text)
  if ('lines' in read) return read.lines
  throw new CliError(EXIT.failed, `${file}:${read.badLine}: expected a line of a backup of palisade hsm, whole`)
}

function sealingKey(under: string): KeyObject {
  let text: string
  try {
    text = readTextFile(under).text
  } catch (error) {
    throw new CliError(EXIT.usage, `--under: ${under} ${whyUnreadable(error)}`)
  }
  const key = readSealingKey(text)
  if (key === undefined)
    throw new CliError(EXIT.usage, `--under: expected a public RSA key of 2048 bits or more in ${under}`)
  return key
}

/** Its owner's alone, if it is new. */
function open(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (error) {
    throw new CliError(EXIT.usage, `--backup: ${file} ${whyUnreadable(error)}`)
  }
}

function append(descriptor: number, line: string): void {
  const bytes = Buffer.from(`${line}\n`)
  const written = writeSync(descriptor, bytes)
  if (written < bytes.length) throw Object.assign(new Error('written in part'), { code: 'ENOSPC' })
  fsyncSync(descriptor)
  closeSync(descriptor)
  say('Sealed into the backup file.')
}
