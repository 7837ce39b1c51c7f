/** No field is accepted and ignored: whatever validation takes changes what some proxy gets. Guards every kind with each new field. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeObject, KINDS, toObject, type Config, type KindDefinition } from '@meltemi/api';
import { findUnsupported, jsonSchemaOf, type SchemaNode } from '@meltemi/api/audit';
