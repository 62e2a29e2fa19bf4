// The API reference, made of openapi.json.
import { element, prose, replace } from "/sandbox/page/dom.js";

let shown;

/** Fills the reference once, and brings what the address names into view. */
export async function showReference(contents, chapters, search) {
  shown ??= fetch("/sandbox/openapi.json").then((answer) => answer.json()).then((api) => {
    const entries = [...operations(api), ...schemas(api)];
    replace(chapters, entries.map((entry) => entry.article));
    const list = () => replace(contents, links(entries, search.value.trim().toLowerCase()));
    search.addEventListener("input", list);
    list();
  });
  await shown;
  const [, entry] = location.hash.split("/");
  if (entry) document.getElementById(`reference/${entry}`)?.scrollIntoView();
}

function links(entries, wanted) {
  const items = [];
  let group;
  for (const entry of entries.filter((entry) => entry.name.toLowerCase().includes(wanted))) {
    if (entry.group !== group) {
      group = entry.group;
      items.push(element("li", { class: "heading" }, group));
    }
    items.push(element("li", {}, element("a", { href: `#${entry.article.id}` }, entry.name)));
  }
  return items;
}

function* operations(api) {
  for (const tag of api.tags) {
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (!operation.tags?.includes(tag.name)) continue;
        const id = operation.operationId;
        yield { name: id, group: tag.name, article: operationArticle(api, method.toUpperCase(), path, operation) };
      }
    }
  }
}

function operationArticle(api, method, path, operation) {
  const parts = [
    element("h3", {}, operation.summary),
    element("p", {}, element("span", { class: "method" }, method), element("code", {}, path)),
    element("p", {}, badge(operation["x-idempotent"] ? "may be sent again" : "never sent twice"),
      ...(operation["x-pagination"] ? [badge("paged")] : []), ...(operation["x-waiter"] ? [badge("waited for")] : [])),
    element("p", {}, ...prose(operation.description ?? "")),
  ];
  if (operation.parameters?.length) {
    parts.push(element("h4", {}, "Parameters"), members(operation.parameters.map((parameter) => ({
      name: parameter.name, needed: parameter.required, schema: parameter.schema, description: parameter.description,
    }))));
  }
  for (const [type, { schema }] of Object.entries(operation.requestBody?.content ?? {})) {
    parts.push(element("h4", {}, "Body, ", element("code", {}, type), " ", ...(schema.$ref ? typeOf(schema) : [])), properties(resolved(api, schema)));
  }
  const answers = Object.entries(operation.responses).map(([status, answer]) => ({
    name: status, schema: answer.content?.["application/json"]?.schema, description: answer.description,
  }));
  parts.push(element("h4", {}, "Answers"), members(answers));
  return element("article", { id: `reference/${operation.operationId}` }, ...parts);
}

function* schemas(api) {
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    yield { name, group: "schemas", article: schemaArticle(name, schema) };
  }
}

function schemaArticle(name, schema) {
  const parts = [element("h3", {}, name), element("p", {}, ...prose(schema.description ?? ""))];
  if (schema["x-sensitive"]) parts.push(element("p", {}, badge("secret")));
  if (schema.enum) parts.push(values(schema));
  if (schema.oneOf) parts.push(element("h4", {}, `One of, told by ${schema.discriminator?.propertyName ?? "its form"}`), variants(schema));
  for (const part of schema.allOf ?? []) {
    parts.push(part.properties ? properties(part) : element("p", {}, "and ", ...typeOf(part)));
  }
  if (schema.properties) parts.push(properties(schema));
  return element("article", { id: `reference/${name}` }, ...parts);
}

function values(schema) {
  const advice = schema["x-advice"] ?? {};
  return members(schema.enum.map((value) => ({
    name: value, description: [schema["x-enum-descriptions"]?.[value], advice[value]].filter(Boolean).join(" "),
  })));
}

function variants(schema) {
  const kinds = Object.entries(schema.discriminator?.mapping ?? {});
  const named = kinds.length ? kinds : schema.oneOf.map((variant) => ["", variant.$ref]);
  return members(named.map(([kind, ref]) => ({ name: kind, schema: { $ref: ref } })));
}

function properties(schema) {
  return members(Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name, needed: schema.required?.includes(name), schema: property, description: property.description,
  })));
}

function members(list) {
  return element("dl", { class: "members" }, ...list.map((member) => element("div", {},
    element("dt", { class: member.needed ? "needed" : "" }, member.name),
    element("dd", {}, ...(member.schema ? [...typeOf(member.schema), " "] : []), ...prose(member.description ?? "")))));
}

/** The schema itself, where it is only named. */
function resolved(api, schema) {
  return schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] ?? {} : schema;
}

/** What a schema is called, with a link where it has a name. */
function typeOf(schema) {
  const nullable = schema.nullable ? [" or null"] : [];
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return [element("a", { href: `#reference/${name}` }, name), ...nullable];
  }
  if (schema.allOf?.length === 1) return [...typeOf(schema.allOf[0]), ...nullable];
  if (schema.type === "array") return ["list of ", ...typeOf(schema.items ?? {}), ...nullable];
  return [element("code", {}, schema.format ?? schema.enum?.join(" or ") ?? schema.type ?? "anything"), ...nullable];
}

const badge = (text) => element("span", { class: "badge" }, text);
