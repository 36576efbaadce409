/** The routes of the API for the installation records: their problems, backups, and the acceptance of a loss (docs/api.md). */
import { mkdirSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Installs } from '../../install/installs.ts'
import { isLocalUser } from './access/identity.ts'
import { admin, read } from './access/scopes.ts'
import { refuse } from './refusal.ts'

export type StateRoutesOptions = {
  readonly installs: Pick<Installs, 'problems' | 'backup' | 'acceptLoss'>
  /** Absent if nothing is kept on disk. */
  readonly stateDirectory?: string | undefined
}

type BackupRequest = { Querystring: { path?: string } }

/** A name that is neither hidden nor a path. */
const fileName = /^[\w-][\w.-]{0,99}$/

export function addStateRoutes(app: FastifyInstance, { installs, stateDirectory }: StateRoutesOptions): void {
  app.get('/v1/state', read, () => ({ problems: installs.problems() }))

  app.post<BackupRequest>('/v1/state/backup', admin, ({ query: { path = '' }, identity }, reply) => {
    // An administrator of this machine can write the file anyway. A user on the network must not choose the directory.
    const isLocal = identity === undefined || isLocalUser(identity)
    const isName = fileName.test(path) && stateDirectory !== undefined
    if (!isName && !(isLocal && isAbsolute(path))) {
      const expected = isLocal ? 'an absolute path, or the name of a file' : 'the name of a file'
      const error = `path must be ${expected} for the directory backups of the state directory`
      return refuse(reply, 400, 'server.bad-path', error)
    }
    try {
      const target = isName ? inBackups(stateDirectory, path) : path
      installs.backup(target)
      return { path: target }
    } catch (error) {
      return refuse(reply, 409, 'server.state-not-written', (error as Error).message)
    }
  })

  app.post('/v1/state/accept', admin, (_request, reply) => {
    try {
      installs.acceptLoss()
      return { problems: installs.problems() }
    } catch (error) {
      return refuse(reply, 409, 'server.state-not-written', (error as Error).message)
    }
  })
}

function inBackups(stateDirectory: string, name: string): string {
  const directory = join(stateDirectory, 'backups')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return join(directory, name)
}
