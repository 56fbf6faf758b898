// What an OpenAPI description says, as lists. Pure; a description may be any JSON.

/** @typedef {{name: string, in: string, required: boolean, help: string}} RouteParameter */
/**
 * @typedef {object} Operation
 * @property {string} method
 * @property {string} path
 * @property {string} summary
 * @property {string} description
 * @property {RouteParameter[]} parameters
 * @property {boolean} hasBody
 * @property {any} bodySchema
 * @property {any} example
 */

const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * @param {any} spec
 * @returns {Operation[]}
 */
export function operationsOf(spec) {
  /** @type {Operation[]} */
  const found = [];
  for (const [path, item] of Object.entries(spec?.paths ?? {})) {
    for (const method of METHODS) {
      const entry = /** @type {any} */ (item)?.[method];
      if (!entry) continue;
      const parameters = [
        .../** @type {any} */ (item.parameters ?? []),
        ...(entry.parameters ?? []),
      ].map((/** @type {any} */ parameter) => resolved(parameter, spec));
      const content = resolved(entry.requestBody, spec)?.content?.["application/json"];
      found.push({
        method,
        path,
        summary: entry.summary ?? "",
        description: entry.description ?? "",
        parameters: parameters.map((parameter) => ({
          name: parameter.name ?? "",
          in: parameter.in ?? "query",
          required: parameter.required === true,
          help: parameter.description ?? "",
        })),
        hasBody: content !== undefined,
        bodySchema: content?.schema ?? null,
        example: content?.example ?? firstExample(content?.examples),
      });
    }
  }
  return found;
}

/** @param {any} examples */
function firstExample(examples) {
  const first = Object.values(examples ?? {})[0];
  return /** @type {any} */ (first)?.value;
}

/**
 * Follows `$ref` within the description, a few steps at most.
 * @param {any} node
 * @param {any} spec
 * @param {number} [depth]
 * @returns {any}
 */
export function resolved(node, spec, depth = 0) {
  const address = node?.$ref;
  if (typeof address !== "string" || !address.startsWith("#/") || depth > 8) return node;
  let found = spec;
  for (const part of address.slice(2).split("/")) {
    found = found?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return resolved(found, spec, depth + 1);
}

/**
 * The fields of a body, those of `allOf` parts too.
 * @param {Operation} operation
 * @param {any} spec
 * @returns {{name: string, type: string, help: string, required: boolean}[]}
 */
export function fieldsOf(operation, spec) {
  const schema = resolved(operation.bodySchema, spec);
  const parts = [
    schema,
    ...(schema?.allOf ?? []).map((/** @type {any} */ part) => resolved(part, spec)),
  ];
  const required = new Set(parts.flatMap((part) => part?.required ?? []));
  const fields = parts.flatMap((part) => Object.entries(part?.properties ?? {}));
  return fields.map(([name, property]) => {
    const field = resolved(property, spec);
    return {
      name,
      type: typeOf(field, spec),
      help: field?.description ?? /** @type {any} */ (property)?.description ?? "",
      required: required.has(name),
    };
  });
}

/**
 * @param {any} schema
 * @param {any} spec
 * @param {number} [depth]
 * @returns {string}
 */
function typeOf(schema, spec, depth = 0) {
  if (!schema || depth > 3) return "any";
  const choices = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choices))
    return [
      ...new Set(choices.map((choice) => typeOf(resolved(choice, spec), spec, depth + 1))),
    ].join(" or ");
  if (schema.enum)
    return schema.enum.map((/** @type {any} */ value) => JSON.stringify(value)).join(", ");
  if (schema.type === "array")
    return `list of ${typeOf(resolved(schema.items, spec), spec, depth + 1)}`;
  return Array.isArray(schema.type) ? schema.type.join(" or ") : (schema.type ?? "any");
}

/**
 * A body to begin with.
 * @param {Operation} operation
 * @param {any} spec
 * @returns {any}
 */
export function exampleOf(operation, spec) {
  if (operation.example !== undefined) return operation.example;
  const schema = resolved(operation.bodySchema, spec);
  if (schema?.example !== undefined) return schema.example;
  if (schema?.examples?.[0] !== undefined) return schema.examples[0];
  const names = new Set(fieldsOf(operation, spec).map((field) => field.name));
  /** @type {Record<string, unknown>} */
  const body = {};
  if (names.has("messages"))
    body.messages = [{ role: "user", content: "Tell me a story about a fox." }];
  else if (names.has("prompt")) body.prompt = "Once upon a time";
  else if (names.has("text")) body.text = "Once upon a time";
  else if (names.has("ids")) body.ids = [1, 2, 3];
  if (names.has("max_tokens")) body.max_tokens = 50;
  return body;
}
