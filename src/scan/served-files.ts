/** Scans the files below /files: whether they can be served, and the templates among them. Never throws. */
import { realpath, stat } from 'node:fs/promises'
import type { ServedFacts, TemplateFact } from '../plan/files/facts.ts'
import { isWithin, protectedPaths } from '../plan/files/protected.ts'
import { parseTemplate } from '../plan/template/template.ts'
import type { Site } from '../site/schema.ts'
import { folderProblem, missing, scanFile, scanSmallFile } from './file.ts'

/** @returns nothing if the site declares no files */
export async function scanServedFiles(site: Site): Promise<ServedFacts | undefined> {
  const owners = [site, ...site.clusters.flatMap((cluster) => [cluster, ...cluster.nodes])]
  const templates = owners.flatMap(({ http }) => (http?.files ?? []).map(({ template }) => template))
  if (site.http.files.length === 0 && templates.length === 0) return undefined
  const guarded = await Promise.all(protectedPaths(site).map(realPath))
  const problems = site.http.files.map(async ({ dir, file }) => {
    const path = dir ?? file
    if (path === undefined) return []
    const problem = (await sourceProblem(path, dir !== undefined)) ?? (await guardProblem(path, guarded))
    return problem === undefined ? [] : [[path, problem] as const]
  })
  const facts = [...new Set(templates)].map(async (path) =>
    path === undefined ? [] : [[path, await scanTemplate(path)] as const],
  )
  return {
    templates: new Map((await Promise.all(facts)).flat()),
    problems: new Map((await Promise.all(problems)).flat()),
    protectedPaths: guarded,
  }
}

/** Returns a path without symbolic links, or unchanged if it does not exist. */
function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

async function sourceProblem(path: string, isDirectory: boolean): Promise<string | undefined> {
  if (isDirectory) return folderProblem(path)
  const fact = await scanFile(path, 'http.file-not-served')
  if (fact.kind === 'missing') return fact.problem
  return ((await stat(path)).mode & 0o004) === 0
    ? `${path} is not served, because not every user of this machine can read it: run \`chmod o+r ${path}\``
    : undefined
}

async function guardProblem(path: string, guarded: readonly string[]): Promise<string | undefined> {
  return isWithin(await realPath(path), guarded)
    ? `${path} is not served, because the site declares that it contains secrets, images, or a template: use another directory`
    : undefined
}

async function scanTemplate(path: string): Promise<TemplateFact> {
  const fact = await scanSmallFile(path, 'http.template-invalid')
  if (fact.kind === 'missing') return fact
  const text = decode(fact.content)
  if (text === undefined) return missing('http.template-invalid', path, `${path} is not UTF-8 text`)
  const template = parseTemplate(text)
  if (template.kind === 'template') return { kind: 'found', path, template }
  const problem = `${path}:${template.line}: ${template.problem}`
  return missing('http.template-invalid', path, problem)
}

function decode(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return undefined
  }
}
