export { AccessRules, type AccessDecision } from './access.ts'
export { ACCESS_LEVELS, lower, type AccessLevel } from './levels.ts'
