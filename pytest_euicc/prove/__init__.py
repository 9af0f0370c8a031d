"""Mutation testing of the vectors: every sequence against defects and permitted variants of its simulator."""
