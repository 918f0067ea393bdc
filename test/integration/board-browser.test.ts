import assert from 'node:assert/strict'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { describe, it } from 'node:test'
import { startRedis } from '@firn/testing'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { counts, failure, fillQueues } from './board-queues.ts'
import { openApiProcess, scratchDirectory, TOKEN } from './open-api-process.ts'

const LIMIT_MS = 60_000
/** What a page that may write offers, in its labels and titles. */
const WRITING =
  /\b(retry|remove|delete|clean|empty|promote|pause|resume|obliterate|add|duplicate|edit|concurrency|rate limit)\b/i

async function findChromium(): Promise<string | undefined> {
  const names = ['chromium', 'chromium-browser', 'google-chrome']
  const directories = (process.env.PATH ?? '').split(delimiter)
  for (const file of names.flatMap((name) =>
    directories.map((directory) => join(directory, name)),
  )) {
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

const executablePath = await findChromium()
const skip = executablePath === undefined && 'no chromium on the PATH: the page was not looked at'

/** A browser at the board of an API whose queues are in the middle of the work. */
async function openBrowser() {
  await using resources = new AsyncDisposableStack()
  const redis = resources.use(await startRedis())
  const scratch = resources.use(await scratchDirectory())
  const api = resources.use(await openApiProcess({ redisUrl: redis.url, dataDir: scratch.path }))
  resources.use(await fillQueues(redis.url))
  const browser: Browser = await chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    timeout: LIMIT_MS,
  })
  resources.defer(() => browser.close())
  const owned = resources.move()
  return {
    url: `${api.url}/queues`,
    openContext: (options: Parameters<Browser['newContext']>[0] = {}) =>
      browser.newContext(options),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Notes what the page asks for, and what the policy keeps it from. */
async function openPage(context: BrowserContext) {
  context.setDefaultTimeout(LIMIT_MS)
  const page: Page = await context.newPage()
  const asked: string[] = []
  const refused: string[] = []
  page.on('request', (request) =>
    asked.push(`${request.method()} ${new URL(request.url()).origin}`),
  )
  page.on('requestfailed', (request) => refused.push(new URL(request.url()).origin))
  page.on('pageerror', (error) => refused.push(String(error)))
  return { page, asked, refused }
}

/** What there is to click, by what it says of itself. */
async function controlsOf(page: Page): Promise<string[]> {
  const controls = page
    .locator('main, header')
    .locator('button, a, [role=button], [role=tab], input')
  return await controls.evaluateAll((elements) =>
    elements.map((element) => {
      const names = ['aria-label', 'title', 'data-tooltip'].map((name) =>
        element.getAttribute(name),
      )
      return [...names, element.textContent].filter(Boolean).join(' ')
    }),
  )
}

async function expectReadOnly(page: Page): Promise<void> {
  const controls = await controlsOf(page)
  assert.ok(controls.length > 5)
  assert.deepEqual(
    controls.filter((name) => WRITING.test(name)),
    [],
  )
}

async function expectLink(page: Page, name: RegExp): Promise<void> {
  await page.getByRole('main').getByRole('link', { name }).first().waitFor()
}

describe('the board in a browser', { skip, timeout: 4 * LIMIT_MS }, () => {
  it('asks who comes without a token, and shows nothing', async () => {
    await using browser = await openBrowser()
    for (const credentials of [{}, { httpCredentials: { username: 'ann', password: 'wrong' } }]) {
      await using context = await browser.openContext(credentials)
      const { page } = await openPage(context)
      const { promise: status, resolve } = Promise.withResolvers<number>()
      page.on('response', (response) => resolve(response.status()))
      // What comes of it differs: a problem, or an error of the browser about the password.
      await page.goto(browser.url).catch(() => undefined)
      assert.equal(await status, 401)
      assert.equal(await page.title(), '')
    }
  })

  it('shows the queues with their counts, what failed, and no way to change a thing', async () => {
    await using browser = await openBrowser()
    const httpCredentials = { username: 'ann', password: TOKEN }
    await using context = await browser.openContext({ httpCredentials })
    const { page, asked, refused } = await openPage(context)

    await page.goto(browser.url)
    await expectLink(page, /^active 3$/i)
    await expectLink(page, /^prioritized 43$/i)
    for (const [name, states] of Object.entries(counts)) {
      const count = states.active + states.prioritized + states.delayed
      const link = page.getByRole('link', { name, exact: true })
      const total = page.getByRole('button', { name: new RegExp(`^${count} Jobs?$`) })
      const card = page.getByRole('main').getByRole('listitem')
      await card.filter({ has: link }).filter({ has: total }).waitFor()
    }
    await expectReadOnly(page)

    await page.goto(`${browser.url}/queue/parts?status=delayed`)
    for (const [state, count] of Object.entries(counts.parts)) {
      await expectLink(page, new RegExp(`^${state} ${count}$`, 'i'))
    }
    await expectReadOnly(page)
    await page.getByRole('tab', { name: 'Error' }).click()
    await page.getByText(failure).first().waitFor()
    await page
      .getByRole('main')
      .getByRole('link', { name: /\.1\.0$/ })
      .click()
    await page.waitForURL(/\.1\.0/)
    await page.getByRole('tab', { name: 'Options' }).waitFor()
    await expectReadOnly(page)

    const { origin } = new URL(browser.url)
    const ofBoard = asked.filter((request) => request.endsWith(origin))
    assert.deepEqual([...new Set(ofBoard)], [`GET ${origin}`])
    // Its font is the one thing that the page asks somebody else for, and is kept from.
    assert.deepEqual([...new Set(refused)], ['https://fonts.googleapis.com'])
  })
})
