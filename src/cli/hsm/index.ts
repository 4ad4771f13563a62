import type { Command } from 'commander'
import { addGenerate } from './generate.ts'
import { addImport } from './import.ts'
import { addInit } from './init.ts'
import { addList } from './list.ts'
import { addSealKey } from './seal-key.ts'
import { addStatus } from './status.ts'

/** Secrets in the token of `[hsm]`. Each of these logs in by itself, so that a wrong PIN is one try. */
export function addHsm(program: Command): void {
  const hsm = program.command('hsm').description('secrets in a hardware security module')
  for (const add of [addInit, addStatus, addList, addImport, addGenerate, addSealKey]) add(hsm)
}
