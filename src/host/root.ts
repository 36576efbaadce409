/** Where the files beside the program are. */
import { findPackageJSON } from 'node:module'
import { pathToFileURL } from 'node:url'

/** The directory of package.json: the source and the built program are at different depths below it. */
export const root = new URL('./', pathToFileURL(findPackageJSON(import.meta.url) as string))
