/** What differs between the administrator's own files and menu entries of two sites. No template or argument with a secret is shown. Pure. */
import type { OwnEntry } from '../../site/menu-section.ts'
import { isGroup } from '../../site/declared.ts'
import type { Site } from '../../site/schema.ts'
import type { Model } from '../model.ts'
import {
  compareThings,
  field,
  hiddenField,
  withoutCredentials,
  withoutSecret,
  type Change,
  type Field,
  type Things,
} from './change.ts'

export function* compareServed(before: Model, after: Model): Generator<void, Change[]> {
  return [
    ...(yield* compareThings('file', files(before), files(after))),
    ...(yield* compareThings('menu', menus(before), menus(after))),
  ]
}

type Owner = {
  /** Empty for the site. */
  readonly name: string
  readonly http?: { readonly files: readonly ServedFile[] } | undefined
  readonly menu?: { readonly entries?: readonly OwnEntry[] | undefined } | undefined
}

type ServedFile = {
  readonly path: string
  readonly dir?: string | undefined
  readonly file?: string | undefined
  readonly template?: string | undefined
}

/** Returns all parts of the site that can have files and menu entries. */
function ownersOf({ http, menu, clusters, groups }: Site): Owner[] {
  const members = [...clusters, ...groups].flatMap((owner): Owner[] => [
    { name: owner.name, menu: owner.menu, http: isGroup(owner) ? undefined : owner.http },
    ...owner.nodes.map((node) => ({ ...node, name: `${owner.name}/${node.name}` })),
  ])
  return [{ name: '', http, menu }, ...members]
}

/** By path, and by path and owner: `/files/node.conf of ocp45/m1`. */
function files({ site, facts }: Model): Things {
  return new Map(
    ownersOf(site).flatMap(({ name, http }) =>
      (http?.files ?? []).map(({ path, dir, file, template }): [string, () => Field[]] => [
        `/files/${path}${name === '' ? '' : ` of ${name}`}`,
        () => [
          field('directory', dir),
          field('file', file),
          field('template', template),
          hiddenField('contents', template && JSON.stringify(facts.served?.templates.get(template))),
        ],
      ]),
    ),
  )
}

/** By owner. */
function menus({ site }: Model): Things {
  return new Map(
    ownersOf(site).flatMap(({ name, menu }): [string, () => Field[]][] => {
      const { entries = [] } = menu ?? {}
      return entries.length === 0 ? [] : [[name || 'site', () => entries.flatMap(entryFields)]]
    }),
  )
}

function entryFields(entry: OwnEntry): Field[] {
  const { title, key, kernel, initrd, arguments: given = [], script } = entry
  const shown = [kernel, initrd, script].flatMap((url) =>
    url === undefined ? [] : [withoutCredentials(url)],
  )
  const text = [...shown, ...given.map(withoutSecret), ...(key === undefined ? [] : [`key ${key}`])].join(' ')
  return [field(`entry ${title}`, text), hiddenField(`secrets of ${title}`, secretsOf(entry))]
}

/** Returns what the text of an entry does not show. */
function secretsOf({ kernel, initrd, arguments: given = [], script }: OwnEntry): string | undefined {
  const urls = [kernel, initrd, script].filter((url) => url !== undefined && withoutCredentials(url) !== url)
  return [...urls, ...given.filter((each) => withoutSecret(each) !== each)].join(' ') || undefined
}
