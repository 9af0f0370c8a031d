"""Mutation testing of the vectors: every sequence against every defect of its simulator."""
