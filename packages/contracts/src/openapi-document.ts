import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi'
import type { Operation } from './operation.ts'
import { operations } from './operations.ts'
import { ProblemView, ProgressEventView, StateEventView } from './views.ts'

/** Statuses that every call that needs a token can answer. */
const commonProblems = [400, 401, 500, 503]

const titleByStatus: Readonly<Record<number, string>> = {
  400: 'The request is malformed',
  401: 'No valid token',
  403: 'The source is not allowed',
  404: 'There is no such thing',
  409: 'The state of the job does not allow it, or a job needs the upload',
  413: 'The body is too large',
  415: 'The body is not plain JSON in UTF-8',
  422: 'A value is not valid, or an idempotency key came with another request',
  429: 'Too many streams are open',
  500: 'A bug in Firn',
  502: 'Glacier refused',
  503: 'Something that Firn needs is away, or it is stopping; try again after Retry-After',
  504: 'Glacier did not answer in time',
}

/** The OpenAPI 3.1 document, made from the schemas that the API validates with. */
export function openApiDocument(version: string): object {
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Firn',
        version,
        description: 'Durable uploads to Amazon S3 Glacier.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      paths: pathsOf(operations),
      components: {
        schemas: {
          Problem: ProblemView,
          StateEvent: StateEventView,
          ProgressEvent: ProgressEventView,
        },
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      },
    },
    // Answers may gain keys later, and clients must not break on them.
    {
      override: ({ jsonSchema, io }) => {
        if (io === 'output' && jsonSchema.additionalProperties === false)
          delete jsonSchema.additionalProperties
      },
    },
  )
}

function pathsOf(table: Readonly<Record<string, Operation>>): ZodOpenApiPathsObject {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const [operationId, operation] of Object.entries(table)) {
    const described = { [operation.method]: describeOperation(operationId, operation) }
    paths[operation.path] = { ...paths[operation.path], ...described }
  }
  return paths
}

function describeOperation(operationId: string, operation: Operation): ZodOpenApiOperationObject {
  const { params, query, headers, body, success } = operation
  return {
    operationId,
    summary: operation.summary,
    ...(operation.description !== undefined && { description: operation.description }),
    tags: [operation.tag],
    security: operation.access === 'token' ? [{ token: [] }] : [],
    requestParams: {
      ...(params && { path: params }),
      ...(query && { query }),
      ...(headers && { header: headers }),
    },
    ...(body && {
      requestBody: {
        required: operation.isBodyOptional !== true,
        content: { 'application/json': { schema: body } },
      },
    }),
    responses: {
      [success.status]: {
        description: success.description,
        ...(success.headers && { headers: success.headers }),
        content: { [success.contentType]: success.schema ? { schema: success.schema } : {} },
      },
      ...problemResponses(operation),
    },
  }
}

function problemResponses(operation: Operation) {
  const common = operation.access === 'token' ? commonProblems : []
  const statuses = [...new Set([...common, ...operation.problems])].sort((a, b) => a - b)
  return Object.fromEntries(
    statuses.map((status) => [
      `${status}` as const,
      {
        description: titleByStatus[status] ?? 'A problem',
        content: { 'application/problem+json': { schema: ProblemView } },
      },
    ]),
  )
}
