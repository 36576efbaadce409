/** What serving does about HAProxy: one file, and what to run when it changed. */

export type HaproxyPlan = {
  /** Where the configuration is written. */
  readonly file: string
  /** The site's command for after a change. */
  readonly reload: string | undefined
  /** The whole configuration. */
  readonly text: string
}
