/** `slipway images …`: getting images, looking after them, carrying them to a site without internet. */
import { systemClock } from '../../../host/clock.ts'
import { ImageProblem } from '../../../images/problem.ts'
import { didYouMean } from '../../../text/nearest.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../../command.ts'
import { addImage } from './add.ts'
import { parseImagesArguments, type ImagesCall, type ImagesOption, type ImagesWorld } from './call.ts'
import { exportImage, importImage } from './archive.ts'
import { listImages, removeImages, verifyImages } from './store.ts'

type Subcommand = {
  readonly takes: readonly ImagesOption[]
  /** @returns an exit code */
  readonly run: (call: ImagesCall) => Promise<number>
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  add: { takes: ['dir', 'name', 'arch', 'iso', 'metal'], run: addImage },
  list: { takes: ['dir', 'site', 'json'], run: listImages },
  verify: { takes: ['dir', 'json'], run: verifyImages },
  remove: { takes: ['dir', 'site', 'force'], run: removeImages },
  export: { takes: ['dir'], run: exportImage },
  import: { takes: ['dir'], run: importImage },
}

export const images: Command = {
  name: 'images',
  summary: 'get the images that machines boot, verify them, carry them along',
  usage: `usage: slipway images add [--name NAME] [--arch ARCH]… [--iso] [--metal] SOURCE
       slipway images list [--site SITE] [--json]
       slipway images verify [--json] [NAME…]
       slipway images remove [--site SITE] [--force] NAME…
       slipway images export NAME… FILE
       slipway images import FILE

  add      fetches kernel, initramfs and rootfs of the release that SOURCE describes:
           a stream document, by URL, as a file or - for standard input. Verifies
           them, goes on where an earlier start stopped, and prints the lines for the
           site file. openshift-install coreos print-stream-json | slipway images add -
  list     what is there, and with --site who uses it
  verify   reads every octet and compares: all images, or those named
  remove   takes images away; one that the site uses only with --force
  export   packs images into one archive, for a site without internet
  import   unpacks such an archive (- for standard input); all of it, or nothing

  --dir DIR     where images are ($STATE_DIRECTORY/images, else /var/lib/slipway/images)
  --name NAME   what to call the image (after its product and release)
  --arch ARCH   x86_64 or aarch64, or both by giving it twice (x86_64)
  --iso         the live ISO too
  --metal       the metal image too
  --site SITE   the site file that says what is used

HTTP_PROXY, HTTPS_PROXY and NO_PROXY are followed.

Exit code 0: done. 1: it could not be done, or an image is damaged. 2: usage.`,

  run: (args, terminal) =>
    runImages(args, terminal, { clock: systemClock, environment: process.env, stdin: process.stdin }),
}

export async function runImages(
  args: readonly string[],
  terminal: Terminal,
  world: ImagesWorld,
): Promise<number> {
  const { values, positionals } = parseImagesArguments(args)
  const [name, ...rest] = positionals
  const known = Object.keys(subcommands)
  const subcommand = known.includes(name ?? '') ? subcommands[name as string] : undefined
  if (subcommand === undefined) {
    if (name === undefined) throw new UsageError(`images takes one of ${known.join(', ')}`)
    throw new UsageError(`images cannot ${JSON.stringify(name)}${didYouMean(name, known)}`)
  }
  const foreign = (Object.keys(values) as ImagesOption[]).find((option) => !subcommand.takes.includes(option))
  if (foreign !== undefined) throw new UsageError(`images ${name ?? ''} takes no --${foreign}`)
  const state = world.environment['STATE_DIRECTORY'] ?? '/var/lib/slipway'
  const store = values.dir ?? `${state}/images`
  try {
    return await subcommand.run({ store, values, positionals: rest, terminal, world })
  } catch (error) {
    if (!(error instanceof ImageProblem)) throw error
    terminal.err(`slipway images: ${error.message}`)
    return ExitCode.problems
  }
}
