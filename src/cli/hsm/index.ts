import type { Command } from 'commander'
import { addBackup } from './backup.ts'
import { addDestroy } from './destroy.ts'
import { addGenerate } from './generate.ts'
import { addImport } from './import.ts'
import { addInit } from './init.ts'
import { addList } from './list.ts'
import { addRestore } from './restore.ts'
import { addRotate } from './rotate.ts'
import { addSealKey } from './seal-key.ts'
import { addStatus } from './status.ts'

const COMMANDS = [
  addInit,
  addStatus,
  addList,
  addImport,
  addGenerate,
  addRotate,
  addBackup,
  addRestore,
  addDestroy,
  addSealKey,
]

/** Secrets in the token of `[hsm]`. Each of these logs in by itself, so that a wrong PIN is one try. */
export function addHsm(program: Command): void {
  const hsm = program.command('hsm').description('secrets in a hardware security module')
  for (const add of COMMANDS) add(hsm)
}
