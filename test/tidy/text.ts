import ts from 'typescript'
import { parse, problemAt, walk, type Problem } from './source.ts'

/** A list of contract cases is read case by case, not from top to bottom. */
const LISTS = /\.cases\.ts$/
const LINES_MAX = 400
const COLUMNS_MAX = 140
const IS_CODE = /\.(ts|js|sh)$|^bin\//

/** Files and lines too long to read. */
export function lengthProblems(path: string, text: string): Problem[] {
  if (!IS_CODE.test(path)) return []
  const lines = text.split('\n')
  const problems = lines.flatMap((line, at) =>
    line.length > COLUMNS_MAX ? [`${path}:${at + 1}: ${line.length} columns, ${COLUMNS_MAX} allowed`] : [],
  )
  const count = lines.length - 1
  if (count > LINES_MAX && !LISTS.test(path)) problems.push(`${path}: ${count} lines, ${LINES_MAX} allowed`)
  return problems
}

/** Every text line that `pattern` fits. */
function linesWith(path: string, text: string, pattern: RegExp, why: string): Problem[] {
  return text
    .split('\n')
    .flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${why}: ${line.trim()}`] : []))
}

// Written in pieces so that these rules do not find themselves.
const NOTES = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)
const PLACES = new RegExp(
  ['work', 'root', 'home/[a-z]+', 'tmp/[a-z]+\\d?/[a-z]+']
    .map((folder) => `(^|[\\s'"\`(=:])/${folder}(/|\\b)`)
    .join('|'),
)
const REGISTRIES = new RegExp(`registry${'\\.'}(npmjs|yarnpkg)|"resol${'ved'}":|artifact${'ory'}|ver${'daccio'}`)
const FOREIGN_WORDS = new RegExp(`(up|down)${'stream'}`, 'i')

/** Notes to ourselves that never get done. */
export function noteProblems(path: string, text: string): Problem[] {
  return linesWith(path, text, NOTES, 'an open note')
}

/** Folders of the machine it was written on, and package hosts: neither means anything elsewhere. */
export function placeProblems(path: string, text: string): Problem[] {
  return [
    ...linesWith(path, text, PLACES, 'a folder of some machine'),
    ...linesWith(path, text, REGISTRIES, 'a package host'),
  ]
}

/** `client` and `dc` are the words for the two sides. */
export function wordProblems(path: string, text: string): Problem[] {
  return /^(src|sim)\//.test(path) ? linesWith(path, text, FOREIGN_WORDS, 'say client and dc') : []
}

const TEST_NAMES = new Set(['it', 'test', 'describe', 'suite'])
const WEAK = new Set(['only', 'skip', 'todo', 'skipIf', 'runIf', 'fails', 'xit', 'fit', 'xdescribe'])

/** Tests that do not run, keep others from running, or depend on the wall clock. */
export function testProblems(path: string, text: string): Problem[] {
  if (!/^test\//.test(path)) return []
  const maySleep = /^test\/(contract|e2e)\//.test(path)
  const source = parse(path, text)
  const problems: Problem[] = []
  walk(source, (node) => {
    if (ts.isPropertyAccessExpression(node) && WEAK.has(node.name.text) && TEST_NAMES.has(rootName(node.expression)))
      problems.push(problemAt(source, node, `a test with .${node.name.text}`))
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return
    if (WEAK.has(node.expression.text)) problems.push(problemAt(source, node, node.expression.text))
    if (!maySleep && node.expression.text === 'setTimeout') problems.push(problemAt(source, node, 'a test that sleeps'))
  })
  return problems
}

function rootName(node: ts.Expression): string {
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return rootName(node.expression)
  return ts.isIdentifier(node) ? node.text : ''
}

/** A Map used as an LRU: `map.keys().next()` costs 49 us an insert under spoofed sources (docs/architecture.md). */
export function mapAsLruProblems(path: string, text: string): Problem[] {
  if (!/^(src|sim)\//.test(path)) return []
  const source = parse(path, text)
  const problems: Problem[] = []
  walk(source, (node) => {
    if (!ts.isPropertyAccessExpression(node) || node.name.text !== 'next' || !ts.isCallExpression(node.expression))
      return
    const inner = node.expression.expression
    if (ts.isPropertyAccessExpression(inner) && /^(keys|values|entries)$/.test(inner.name.text))
      problems.push(
        problemAt(source, node, 'a Map used as an LRU; take a table of fixed size, as core/guard/sources/table.ts'),
      )
  })
  return problems
}
