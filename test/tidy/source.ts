import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export const ROOT = join(import.meta.dirname, '../..')

/** A rule's finding, as a compiler would print it. */
export type Problem = string

/** What a build, a test run or an operator leaves behind; none of it is ours to judge. */
const NOT_OURS = new Set(['node_modules', 'coverage', 'state', 'results', '.git', '.cache'])
const NOT_TEXT = /\.(png|ico|bin|pcap|gz|woff2?|der|p12)$/

/** Paths of every file of the project, relative to its root, in order. Not from git: a tarball has none. */
export function listFiles(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return listFiles(path)
      return entry.isFile() && !NOT_TEXT.test(path) ? [path] : []
    })
    .sort()
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(
    path,
    text,
    ts.ScriptTarget.Latest,
    true,
    path.endsWith('.js') ? ts.ScriptKind.JS : undefined,
  )
}

/** Visits every node, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** `path:line: message`, with the line of `node`. */
export function problemAt(source: ts.SourceFile, node: ts.Node, message: string): Problem {
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
  return `${source.fileName}:${line + 1}: ${message}`
}
