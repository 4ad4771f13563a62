import { posix } from 'node:path'
import ts from 'typescript'
import { parse, problemAt, walk, type Problem } from './source.ts'

interface Layer {
  readonly name: string
  /** Paths that belong to it; the first layer that fits counts. */
  readonly holds: RegExp
  /** Project files it may import, beside its own. */
  readonly mayImport: RegExp
  /** Packages and platform modules it may import. */
  readonly mayUse: RegExp
}

/** Cipher, hash, HMAC and X25519 give the same bytes on every runtime; so does zlib's crc32, and nothing else of zlib. */
const DETERMINISTIC = /^node:(crypto|zlib)$/
const ANYTHING = /^/
const GROUND = /^src\/core\/(ports|assert|events|address)\.ts$/
/** Vault, trust, config, observe, admin and workers: around the core, and free of the operating system's adapters. */
const RING = /^src\/(core|vault|trust|config|observe|admin|workers)\//
/** Sim code that drives real processes, files or sockets. All other sim code is as closed as the core. */
export const SIM_EDGE: readonly { readonly path: RegExp; readonly why: string }[] = [
  {
    path: /^sim\/(run|demo|attacks|live|conformance|probing|detection\/run|replay|replay\/(files|lists))\.ts$/,
    why: 'commands: read arguments, print',
  },
  { path: /^sim\/attacks\/live\//, why: 'plays scenarios against proxies over real sockets' },
  { path: /^sim\/(mutants|demo)\//, why: 'start worker processes and copies of the tree, report' },
  {
    path: /^sim\/swarm\/(base|child|corpus|driver|progress|report|simulate|worker)\.ts$/,
    why: 'deal seeds to processes, by real time, and tell of it; what a case is and how it shrinks is as closed as the rest',
  },
  { path: /^sim\/interleave\/(explore|worker|turns)\.ts$/, why: 'real threads, one of them at a time' },
  { path: /^sim\/fuzz\//, why: 'runs parsers of every layer, in threads with a time limit' },
  { path: /^sim\/conformance\//, why: 'tries proxies over real sockets' },
  { path: /^sim\/report\/(file|terminal)\.ts$/, why: 'writes pages to files and bars to the terminal' },
  { path: /^sim\/telegram\/serve\.ts$/, why: 'puts the simulated DC on real sockets for e2e, bench and demo' },
]

const SIM_COMMANDS = '(run|demo|attacks|live|conformance|probing|replay)\\.ts'
const OF_SIM = new RegExp(
  `^(src/(core|vault|config|workers|observe/trace)/|sim/(?!${SIM_COMMANDS}|attacks/live/|demo/|conformance/|mutants/)|fixtures/)`,
)

/** Imports point inwards: core/protocol, core/memory <- core <- the ring <- runtime <- main and start <- cli. */
const LAYERS: readonly Layer[] = [
  { name: 'core/protocol', holds: /^src\/core\/protocol\//, mayImport: GROUND, mayUse: DETERMINISTIC },
  { name: 'core/memory', holds: /^src\/core\/memory\//, mayImport: GROUND, mayUse: DETERMINISTIC },
  { name: 'core', holds: /^src\/core\//, mayImport: /^src\/core\//, mayUse: DETERMINISTIC },
  { name: 'ring', holds: RING, mayImport: RING, mayUse: ANYTHING },
  { name: 'runtime', holds: /^src\/runtime\//, mayImport: RING, mayUse: ANYTHING },
  { name: 'main', holds: /^src\/(main\.ts$|start\/)/, mayImport: /^src\/(?!cli\/)/, mayUse: ANYTHING },
  // The simulator and the demo are commands too; they are loaded when asked for.
  {
    name: 'cli',
    holds: /^src\/cli\//,
    mayImport: /^(src\/|sim\/(run|demo|attacks|live|conformance|replay)\.ts$|package\.json$)/,
    mayUse: ANYTHING,
  },
  ...SIM_EDGE.map(({ path }) => ({
    name: 'sim edge',
    holds: path,
    mayImport: /^(src|sim|fixtures)\//,
    mayUse: ANYTHING,
  })),
  // Scenario files are read as the configuration is: by a schema.
  { name: 'sim plan', holds: /^sim\/attacks\/plan\//, mayImport: OF_SIM, mayUse: /^(zod|node:crypto)$/ },
  {
    name: 'sim',
    holds: /^sim\//,
    mayImport: OF_SIM,
    mayUse: DETERMINISTIC,
  },
]
/** Nothing of the product may lean on these. */
const OUTER = /^(test|bench|scripts)\//

/** Where imports point outwards, or out of the house. */
export function importProblems(path: string, text: string): Problem[] {
  const layer = LAYERS.find(({ holds }) => holds.test(path))
  if (layer === undefined) return []
  const source = parse(path, text)
  const problems: Problem[] = []
  walk(source, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return
    const complain = (what: string) => problems.push(problemAt(source, node, `${layer.name} imports ${what}`))
    if (specifier.startsWith('.')) {
      const target = posix.join(posix.dirname(path), specifier)
      const isOwn = layer.holds.test(target) && layer === LAYERS.find(({ holds }) => holds.test(target))
      if (OUTER.test(target) || (!isOwn && !layer.mayImport.test(target))) complain(target)
    } else if (!layer.mayUse.test(specifier)) complain(specifier)
    else if (layer.mayUse === DETERMINISTIC && specifier === 'node:zlib' && !takesOnly(node, 'crc32'))
      complain('more of node:zlib than crc32')
  })
  return problems
}

/** The module that an import, a re-export, an `import()` or an `import type` names. */
function specifierOf(node: ts.Node): string | undefined {
  let place: ts.Node | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) place = node.moduleSpecifier
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) place = node.arguments[0]
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) place = node.argument.literal
  return place !== undefined && ts.isStringLiteralLike(place) ? place.text : undefined
}

function takesOnly(node: ts.Node, name: string): boolean {
  if (!ts.isImportDeclaration(node)) return false
  const bindings = node.importClause?.namedBindings
  return (
    node.importClause?.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((element) => (element.propertyName ?? element.name).text === name)
  )
}
