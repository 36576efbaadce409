/** Why a file cannot be read or written: one sentence that ends with what to do. Pure. */

/** Returns `cannot write PATH: reason; what to do`. */
export function fileProblem(verb: 'read' | 'write', path: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  const isMissing = verb === 'read' && code === 'ENOENT'
  if (isMissing) return `cannot read ${path}: it does not exist; check the path`
  const [reason, step] = reasons[code] ?? [message, 'check the path and the disk']
  return `cannot ${verb} ${path}: ${reason}; ${step}`
}

/** Returns whether the operating system reported the error, so that an administrator can fix its cause. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

/** The same as {@link fileProblem} for an error whose operation is only known from its system call. */
export function systemErrorText(error: NodeJS.ErrnoException): string {
  const { code = '', message, path, syscall = '' } = error
  const known = reasons[code]
  if (path === undefined || known === undefined) return `${message}; check the path and the disk`
  return `cannot ${verbs[syscall] ?? 'use'} ${path}: ${known[0]}; ${known[1]}`
}

const verbs: Readonly<Record<string, string>> = {
  open: 'open',
  mkdir: 'create',
  rename: 'write',
  scandir: 'read',
  read: 'read',
  unlink: 'remove',
}

const noPermission = [
  'no permission',
  'run the command with sudo, or change the owner or mode of the file or of its directory',
] as const

const reasons: Readonly<Record<string, readonly [reason: string, step: string]>> = {
  EACCES: noPermission,
  EPERM: noPermission,
  EEXIST: ['it exists', 'name another file'],
  EISDIR: ['it is a directory', 'name a file in it'],
  ELOOP: ['it is a symbolic link', 'name the file that it leads to'],
  ENOENT: ['the file or its directory does not exist', 'check the path, or create the directory'],
  ENOSPC: ['the disk is full', 'free some space'],
  EDQUOT: ['the disk quota is used up', 'free some space'],
  ENOTDIR: ['a part of the path is a file, not a directory', 'check the path'],
  EROFS: ['the file system is read-only', 'name a file on another file system'],
}
