package spdx2

// isKept reports whether the value of a tag is used. Others can be long.
func isKept(tag string) bool {
	switch tag {
	case "SPDXVersion", "SPDXID", "DocumentName", "DocumentNamespace", "Creator", "Created",
		"PackageName", "PackageVersion", "PackageSupplier", "PackageOriginator", "PackageChecksum", "PackageSourceInfo",
		"PackageLicenseConcluded", "PackageLicenseDeclared", "ExternalRef", "PackageAttributionText", "PrimaryPackagePurpose",
		"FileName", "FileComment", "SnippetSPDXID", "LicenseID", "ExtractedText", "LicenseName",
		"Relationship", "RelationshipComment", "SPDXREF", "AnnotationComment":
		return true
	}
	return false
}

// isTag reports whether SPDX 2.1, 2.2 or 2.3 has a tag.
func isTag(tag string) bool {
	if isKept(tag) {
		return true
	}
	switch tag {
	case "DataLicense", "ExternalDocumentRef", "DocumentComment", "LicenseListVersion", "CreatorComment",
		// Packages: section 7.
		"PackageFileName", "PackageDownloadLocation", "FilesAnalyzed", "PackageVerificationCode", "PackageHomePage",
		"PackageLicenseInfoFromFiles", "PackageLicenseComments", "PackageCopyrightText", "PackageSummary", "PackageDescription",
		"PackageComment", "ExternalRefComment", "ReleaseDate", "BuiltDate", "ValidUntilDate",
		// Files: section 8.
		"FileType", "FileChecksum", "LicenseConcluded", "LicenseInfoInFile", "LicenseComments", "FileCopyrightText",
		"FileNotice", "FileContributor", "FileAttributionText", "FileDependency",
		"ArtifactOfProjectName", "ArtifactOfProjectHomePage", "ArtifactOfProjectURI",
		// Snippets: section 9.
		"SnippetFromFileSPDXID", "SnippetFromFile", "SnippetByteRange", "SnippetLineRange", "SnippetLicenseConcluded",
		"LicenseInfoInSnippet", "SnippetLicenseComments", "SnippetCopyrightText", "SnippetComment", "SnippetName",
		"SnippetAttributionText",
		// Other licences, annotations and reviews: sections 10, 12 and 13.
		"LicenseCrossReference", "LicenseComment", "Annotator", "AnnotationDate", "AnnotationType",
		"ReviewDate", "ReviewComment":
		return true
	}
	return false
}
