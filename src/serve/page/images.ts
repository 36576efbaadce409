/** The boot images on this machine: their files, age, and users, for the view of the server. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan } from '../../plan/compile.ts'

export type ImageReport = {
  readonly name: string
  readonly directory: string
  /** Names of the files that nodes boot. */
  readonly files: readonly string[]
  readonly bytes: number
  /** When the newest file was written, in milliseconds since 1970; absent if no file can be read. */
  readonly changedAt?: number
  /** Number of nodes that boot it. */
  readonly nodes: number
}

export async function imageReports({ http, nodes }: Pick<Plan, 'http' | 'nodes'>): Promise<ImageReport[]> {
  const users = new Map<string, number>()
  for (const { image } of nodes) users.set(image, (users.get(image) ?? 0) + 1)
  const reports = [...http.images].map(async ([name, { dir, files }]): Promise<ImageReport> => {
    const names = [...files.keys()]
    const found = await Promise.all(names.map((file) => stat(join(dir, file)).catch(() => undefined)))
    const present = found.filter((each) => each !== undefined)
    return {
      name,
      directory: dir,
      files: names,
      bytes: present.reduce((sum, { size }) => sum + size, 0),
      ...(present.length > 0 && {
        changedAt: Math.max(...present.map(({ mtimeMs }) => Math.round(mtimeMs))),
      }),
      nodes: users.get(name) ?? 0,
    }
  })
  return Promise.all(reports)
}
