import { stripTypeScriptTypes } from 'node:module'

/** A jest transform without dependencies: Node's own type stripping. */
// oxlint-disable-next-line import/no-default-export -- as jest wants its transforms
export default { process: source => ({ code: stripTypeScriptTypes(source) }) }
