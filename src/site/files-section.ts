/**
 * The keys `http` of the site file: files of the administrator that HTTP serves under /files, for the site, a cluster, or a
 * node (docs/files.md).
 */
import { z } from 'zod'
import { matching, path } from './scalars.ts'

/** Without dotfiles, so that neither `..` nor a hidden file is ever in a path. */
const servedPath = matching(
  'a relative path of letters, digits, and _ . + @ ~ -, whose parts do not start with a dot',
  /^(?!.{201})[\w+@~-][\w.+@~-]*(?:\/[\w+@~-][\w.+@~-]*)*$/,
  ['tools/firmware.bin'],
)

const template = path.meta({
  description:
    'text file with placeholders such as {{node.address}}; only declared nodes get it, each with its own values',
})

const servedFile = z
  .strictObject({
    path: servedPath.meta({ description: 'path below /files/' }),
    dir: path.optional().meta({ description: 'directory whose files every client can read' }),
    file: path.optional().meta({ description: 'file that every client can read' }),
    template: template.optional(),
  })
  .check(({ value, issues }) => {
    const { dir, file, template } = value
    if ([dir, file, template].filter((each) => each !== undefined).length === 1) return
    const message = 'expected exactly one of dir, file, and template'
    issues.push({ code: 'custom', input: value, path: [], message })
  })
  .meta({ description: 'file or directory below /files/' })

export const httpSection = z
  .strictObject({
    files: z
      .array(servedFile)
      .default([])
      .meta({ description: 'your own files, served in addition to those that nodes boot' }),
  })
  .meta({ description: 'HTTP: your own files below /files/' })

const servedTemplate = z
  .strictObject({
    path: servedPath.meta({ description: 'path below /files/' }),
    template,
  })
  .meta({ description: 'template below /files/' })

/** The key of a cluster and of a node. */
export const httpTemplates = z
  .strictObject({
    files: z.array(servedTemplate).default([]).meta({
      description:
        'templates for these nodes; for the same path, a node overrides its cluster, and a cluster the site',
    }),
  })
  .meta({ description: 'HTTP: templates below /files/' })
