/** Which versions of Ignition's specification are taken. Installers wrote 2.2 until 4.5, 3.1 to 3.5 since 4.6. */

/**
 * @param isLive whether all that boots with it is of the live style (4.6 or later), which reads version 3 only
 * @returns what is wrong with a version, as the rest of a sentence
 */
export function versionProblem(version: string, isLive: boolean): string | undefined {
  if (/^3\.[1-5]\.\d+$/.test(version)) return undefined
  if (!/^2\.\d+\.\d+(?:-|$)/.test(version)) {
    return `is Ignition ${JSON.stringify(version.slice(0, 40))}, only 3.1 to 3.5 are known`
  }
  return isLive
    ? `is Ignition ${version.slice(0, 40)}, of an installer before 4.6; the image reads 3.x, so the openshift-install of its own release has to make the file`
    : undefined
}

export function majorVersion(version: string): string {
  return version.slice(0, version.indexOf('.'))
}
